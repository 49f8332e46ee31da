"""Reading single values of many containers: what sorts, filters and charts ask for, inside the store's transaction.

A value is named as a reader knows it: a metric (before `test_start`), a swept parameter, or "status". Nothing here
reads a whole row, so nothing is verified by its checksum; what is shown of a container in words comes from `results`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from db.rows import Condition, Parameter, Value
from engine.projections.catalogue import METRICS

_FROM = "FROM container c LEFT JOIN metrics m ON m.run_id = c.run_id AND m.idx = c.idx AND m.part = 0"
_MINE = "WHERE c.run_id = ? AND c.idx >= 0"
#: By its key, which is bound: a path like $."a.b" has no way to write every name.
_PARAMETER = "(SELECT value FROM json_each(c.params) WHERE key = ?)"


def expression(name: str) -> tuple[str, list[Any]]:
    """SQL for a value of container `c` with its metrics `m`, and what is bound in it."""
    if name == "status":
        return "c.status", []
    return (f"m.{name}", []) if name in METRICS else (_PARAMETER, [name])


def passing(where: Sequence[Condition]) -> tuple[str, list[Any]]:
    """SQL that keeps what fulfils all conditions, to stand behind others, and what is bound in it."""
    parts, bound = [], []
    for condition in where:
        part, values = _one(condition)
        parts.append(f" AND {part}")
        bound += values
    return "".join(parts), bound


def _one(condition: Condition) -> tuple[str, list[Any]]:
    value, inside = expression(condition.name)
    if condition.values is not None:
        listed = [one for one in condition.values if one is not None]
        part, bound = f"{value} IN ({', '.join('?' * len(listed))})", [*inside, *listed]
        return (f"({part} OR {value} IS NULL)", [*bound, *inside]) if None in condition.values else (part, bound)
    # a word is greater than any number for SQLite: only numbers lie between two
    parts, bound = [f"typeof({value}) IN ('integer', 'real')"], [*inside]
    for sign, limit in ((">=", condition.low), ("<=", condition.high)):
        if limit is not None:
            parts.append(f"{value} {sign} ?")
            bound += [*inside, limit]
    return " AND ".join(parts), bound


def count(connection: Connection, run_id: int, where: Sequence[Condition]) -> int:
    """See `Store.count`."""
    kept, bound = passing(where)
    return int(connection.exec_driver_sql(f"SELECT count(*) {_FROM} {_MINE}{kept}", (run_id, *bound)).scalar_one())


def has_parameter(connection: Connection, run_id: int, name: str) -> bool:
    """Whether a container of the run has such a parameter."""
    sql = f"SELECT 1 FROM container c, json_each(c.params) j {_MINE} AND j.key = ? LIMIT 1"
    return connection.exec_driver_sql(sql, (run_id, name)).first() is not None


def parameters(connection: Connection, run_id: int) -> list[Parameter]:
    """See `Store.parameters`."""
    # one that failed before it was resolved has none of its parameters
    resolved = f"SELECT count(*) FROM container c {_MINE} AND c.params != '{{}}'"
    total = connection.exec_driver_sql(resolved, (run_id,)).scalar_one()
    rows = connection.exec_driver_sql(
        f"SELECT j.key, j.value, j.type, count(*) FROM container c, json_each(c.params) j {_MINE} "
        "GROUP BY j.key, j.value, j.type ORDER BY j.key, j.value",
        (run_id,),
    )
    found: dict[str, tuple[list[Value], int]] = {}
    for name, value, kind, times in rows:
        values, seen = found.get(name, ([], 0))
        found[name] = [*values, value == 1 if kind in ("true", "false") else value], seen + times
    return [Parameter(name, tuple(values), seen < total) for name, (values, seen) in found.items()]


def columns(
    connection: Connection, run_id: int, names: Sequence[str], where: Sequence[Condition]
) -> tuple[npt.NDArray[np.int64], list[npt.NDArray[Any]]]:
    """See `Store.columns`."""
    asked = [expression(name) for name in names]
    kept, bound = passing(where)
    rows = connection.exec_driver_sql(
        f"SELECT {', '.join(['c.idx', *(sql for sql, _ in asked)])} {_FROM} {_MINE}{kept} ORDER BY c.idx",
        (*(value for _, inside in asked for value in inside), run_id, *bound),
    ).all()
    turned = list(zip(*rows, strict=True)) or [()] * (1 + len(names))
    values = [
        np.array(column, dtype=np.float64 if name in METRICS else object)  # float64 makes NaN of None
        for name, column in zip(names, turned[1:], strict=True)
    ]
    return np.array(turned[0], dtype=np.int64), values
