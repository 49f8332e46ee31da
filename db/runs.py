"""Reading runs, inside a transaction that the store has begun. Status and pid are as the rows have them."""

from collections.abc import Sequence

from sqlalchemy import Connection

from db.rows import Failure, Request, Run, RunState, RunSummary, parse, run_checksum
from engine.errors import StoreError
from engine.own.source import Source

_SUMMARY = tuple(RunSummary.__dataclass_fields__)
_DETAIL = tuple(name for name in Run.__dataclass_fields__ if name not in _SUMMARY)


def _select(names: tuple[str, ...]) -> str:
    places = {"hypothesis": "h.text", "trials": "h.trials", "reveals": "h.reveals", "validations": "h.validations"}
    wanted = ", ".join(places.get(name, f"r.{name}") for name in names)
    return f"SELECT {wanted} FROM run r JOIN hypothesis h ON h.id = r.hypothesis_id"


def summaries(connection: Connection, run_id: int | None = None) -> list[RunSummary]:
    """All runs by id, or the one asked for, if there is one."""
    if run_id is None:
        rows = connection.exec_driver_sql(f"{_select(_SUMMARY)} ORDER BY r.id")
    else:
        rows = connection.exec_driver_sql(f"{_select(_SUMMARY)} WHERE r.id = ?", (run_id,))
    return [RunSummary(*row) for row in rows]


def states(connection: Connection) -> list[RunState]:
    """The states of all runs, by id."""
    rows = connection.exec_driver_sql(f"SELECT {', '.join(RunState.__dataclass_fields__)} FROM run ORDER BY id")
    return [RunState(*row) for row in rows]


def details(connection: Connection, run_id: int) -> list[Run]:
    """The run in full, if there is one. Errors raised: StoreError when it differs from its checksum."""
    rows = connection.exec_driver_sql(f"{_select((*_SUMMARY, *_DETAIL, 'checksum'))} WHERE r.id = ?", (run_id,))
    found = []
    for *values, check in rows:
        columns = dict(zip((*_SUMMARY, *_DETAIL), values, strict=True))
        try:
            plan, platform = columns["plan"], columns["platform"]
            run = Run(**{**columns, "plan": parse(plan), "platform": parse(platform)})
            intact = run_checksum(run, plan, platform) == check
        except (TypeError, ValueError):  # damage can turn a text into a number, or break the JSON
            intact = False
        if not intact:
            raise StoreError(f"run {run_id} is damaged: its checksum differs; restore the database from a backup")
        found.append(run)
    return found


def sources(connection: Connection, run_id: int) -> list[Source]:
    """See `Store.sources`."""
    rows = connection.exec_driver_sql(
        "SELECT u.name, u.hash, s.text FROM run_source u JOIN source s ON s.hash = u.hash "
        "WHERE u.run_id = ? ORDER BY u.name",
        (run_id,),
    )
    found = []
    for name, stored, text in rows:
        source = Source(name, text)
        if source.hash != stored:
            raise StoreError(f"the source '{name}' of run {run_id} is damaged; restore the database from a backup")
        found.append(source)
    return found


def known_sources(connection: Connection, hashes: Sequence[str]) -> set[str]:
    """See `Store.known_sources`."""
    places = ", ".join("?" * len(hashes))
    rows = connection.exec_driver_sql(f"SELECT hash FROM source WHERE hash IN ({places})", tuple(hashes))
    return set(rows.scalars())


def requests(connection: Connection, run_id: int) -> list[Request]:
    """See `Store.requests`."""
    rows = connection.exec_driver_sql(
        "SELECT id, action, idx FROM control WHERE run_id = ? AND handled IS NULL ORDER BY id", (run_id,)
    )
    return [Request(*row) for row in rows]


def failures(connection: Connection, run_id: int) -> list[Failure]:
    """The containers that are not done, grouped by status and last line of error, the most frequent first."""
    rows = connection.exec_driver_sql(
        "SELECT status, error, count(*), min(idx) FROM container "
        "WHERE run_id = ? AND idx >= 0 AND status != 'done' GROUP BY status, error ORDER BY min(idx)",
        (run_id,),
    )
    groups: dict[tuple[str, str], Failure] = {}
    for status, error, count, first in rows:
        text = error or ""
        key = status, (text.strip().splitlines() or [""])[-1].strip()
        known = groups.get(key)
        groups[key] = (
            Failure(*key, count, first, text)
            if known is None
            else Failure(*key, known.count + count, known.first, known.error)
        )
    return sorted(groups.values(), key=lambda failure: (-failure.count, failure.first))
