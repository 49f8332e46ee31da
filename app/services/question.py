"""What a reader asks of a run's results, and how an address says it:

    ?run=3&sort=sharpe&order=asc&page=2&size=50&where=ma_cross.fast:5..20&where=status:["done"]&chosen=7,9

An address is written by people too: what is not understood is named in a line and left out.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from db.store import Condition, Value
from engine.parallel.block import STATUSES
from engine.projections.catalogue import CATALOGUE, METRICS

SORT = "sharpe"
#: What sorts by the container's number.
INDEX = "container"
SIZES = (25, 50, 100)
#: Most containers that can be chosen, to be compared.
CHOSEN = 8
_BETTER = {metric.name: metric.better for metric in CATALOGUE}


@dataclass(frozen=True, slots=True)
class Question:
    """`sort`: INDEX, a metric or a parameter; `page` counts from 1; `chosen`: containers, in the order of choosing."""

    sort: str = SORT
    descending: bool = True
    page: int = 1
    size: int = SIZES[0]
    where: tuple[Condition, ...] = ()
    chosen: tuple[int, ...] = ()

    @property
    def offset(self) -> int:
        return (self.page - 1) * self.size

    @property
    def status(self) -> str | None:
        """`done`, unless a condition says how containers may have ended."""
        return None if any(condition.name == "status" for condition in self.where) else "done"

    def sorted_by(self, name: str) -> "Question":
        """The same by another value, its better side first; by the same one, turned round. On the first page."""
        down = not self.descending if name == self.sort else descending(name)
        return replace(self, sort=name, descending=down, page=1)

    def within(self, where: Sequence[Condition]) -> "Question":
        """The same of other containers. On the first page."""
        return replace(self, where=tuple(where), page=1)


def descending(name: str) -> bool:
    """Whether the larger values of a metric come first; a parameter's smaller ones do."""
    return name in _BETTER and _BETTER[name] >= 0


def read(address: Mapping[str, Sequence[str]], parameters: Sequence[str]) -> tuple[Question, list[str]]:
    """The question of an address (all values of each key) about a run with such parameters, and what it got wrong."""
    problems: list[str] = []

    def one(key: str) -> str | None:
        return next(iter(address.get(key, ())), None)

    sort = one("sort") or SORT
    if sort != INDEX and sort not in METRICS and sort not in parameters:
        problems.append(f"There is no metric or parameter {sort} to sort by.")
        sort = SORT
    order = one("order")
    if order not in (None, "asc", "desc"):
        problems.append(f"The order {order} is neither asc nor desc.")
        order = None
    where = []
    for text in address.get("where", ()):
        condition = _condition(text, parameters)
        if condition is None:
            problems.append(f"The filter {text} was not understood; it is left out.")
        else:
            where.append(condition)
    size = _number(one("size"))
    return Question(
        sort=sort,
        descending=descending(sort) if order is None else order == "desc",
        page=max(1, _number(one("page")) or 1),
        size=size if size in SIZES else SIZES[0],
        where=tuple(where),
        chosen=_indices(one("chosen") or ""),
    ), problems


def written(question: Question) -> dict[str, str | list[str]]:
    """The parts of an address that say `question`; what is as usual is not said."""
    found: dict[str, str | list[str]] = {}
    if question.sort != SORT:
        found["sort"] = question.sort
    if question.descending != descending(question.sort):
        found["order"] = "desc" if question.descending else "asc"
    if question.page != 1:
        found["page"] = str(question.page)
    if question.size != SIZES[0]:
        found["size"] = str(question.size)
    if question.where:
        found["where"] = [_text(condition) for condition in question.where]
    if question.chosen:
        found["chosen"] = ",".join(map(str, question.chosen))
    return found


#: What `written` may say.
KEYS = ("sort", "order", "page", "size", "where", "chosen")


def _text(condition: Condition) -> str:
    """`name:["a",1]` for values, `name:low..high` for a range."""
    if condition.values is not None:
        return f"{condition.name}:{json.dumps(condition.values, ensure_ascii=False, separators=(',', ':'))}"
    return f"{condition.name}:{_written(condition.low)}..{_written(condition.high)}"


def _written(limit: float | None) -> str:
    if limit is None:
        return ""
    short = f"{limit:g}"
    return short if float(short) == limit else repr(float(limit))


def _condition(text: str, parameters: Sequence[str]) -> Condition | None:
    known = [name for name in ("status", *METRICS, *parameters) if text.startswith(f"{name}:")]
    if not known:
        return None
    name = max(known, key=len)
    said = text[len(name) + 1 :]
    if said.startswith("["):
        values = _values(said)
        allowed = values is not None and (name != "status" or set(values) <= set(STATUSES))
        return Condition(name, values=values) if allowed else None
    low, dots, high = said.partition("..")
    limits = [_limit(limit) for limit in (low, high)]
    if not dots or name == "status" or any(limit is not None and math.isnan(limit) for limit in limits):
        return None
    return Condition(name, low=limits[0], high=limits[1])


def _values(text: str) -> tuple[Value, ...] | None:
    try:
        values = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    plain = all(value is None or isinstance(value, str | int | float) for value in values)
    small = all(not isinstance(value, int) or abs(value) < 2**63 for value in values)
    return tuple(values) if values and plain and small and len(values) <= 1_000 else None


def _refuse(token: str) -> Value:
    raise ValueError(token)


def _limit(text: str) -> float | None:
    """A finite number; None for nothing; NaN for what is neither."""
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() and len(text) < 10 else None


def _indices(text: str) -> tuple[int, ...]:
    found = [_number(part.strip()) for part in text.split(",")[: 4 * CHOSEN]]
    return tuple(dict.fromkeys(index for index in found if index is not None))[:CHOSEN]
