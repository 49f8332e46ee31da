"""The signal logs of a home: every container that is done keeps one, by whatever pattern it ran.

logs(home, strategy="ma_cross", top=50)     # a page of them, newest run first; no log is read
report_of(home, 3, 17)                      # what one is worth
overlap(home, ["3/17", "4/0"])              # how much two say the same
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.services import replays
from app.services.home import Home
from app.services.reading import Reading, read
from app.services.signal_files import Added, add, parse_mapping
from db.store import Condition, Container, Run, RunSummary, Store
from engine import config
from engine.errors import InputError, StoreError
from engine.signals import report as reports
from engine.signals.overlap import overlap as overlapping
from engine.signals.stored import told
from engine.stage import Stage

__all__ = [
    "Added",
    "Log",
    "Made",
    "Page",
    "add",
    "logs",
    "made_by",
    "overlap",
    "parse_mapping",
    "report_of",
    "summaries",
]


@dataclass(frozen=True, slots=True)
class Log:
    """A stored log as lists show it. strategies, kinds: of what made it, in order; no kinds where logs made it.

    `rows`: events of its container; `file`: what it was imported from. `summary`: of its stored report, if there is.
    """

    run: int
    index: int
    name: str
    pattern: str
    dataset: str
    dataset_hash: str
    strategies: tuple[str, ...]
    kinds: tuple[str, ...]
    params: dict[str, Any]
    digest: str
    rows: int
    file: str | None
    summary: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Page:
    """Some logs, and how many there are in all."""

    logs: tuple[Log, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Made:
    """What made a log. stages: section or strategy's name → kind and parameters; sources: kinds of own stages → hash.

    replayed: references and digests of the logs that a replay was made of; imported: file, sha256, rows.
    """

    run: int
    index: int
    name: str
    pattern: str
    dataset: str
    dataset_hash: str
    symbols: tuple[str, ...]
    strategies: tuple[str, ...]
    params: dict[str, Any]
    stages: dict[str, dict[str, Any]]
    sources: dict[str, str]
    replayed: tuple[dict[str, Any], ...]
    imported: dict[str, Any] | None
    digests: dict[str, str | None]


def logs(
    home: Home,
    run: int | None = None,
    dataset: str | None = None,
    strategy: str | None = None,
    pattern: str | None = None,
    top: int | None = None,
    offset: int = 0,
) -> Page:
    """A page of the home's logs, the newest run's first, by index within a run. StoreError for an unknown run.

    dataset: a name, or the beginning of a hash. strategy: a kind or a name. Of other runs only counts are read.
    """
    found: list[Log] = []
    total, left = 0, top
    with home.store() as store:
        known = [store.progress(run)] if run is not None else store.runs()[::-1]
        for one in known:
            if not one.done or (pattern and one.pattern != pattern) or not _of_dataset(one, dataset):
                continue
            where = _where(store, one, strategy)
            if where is None:
                continue
            count = one.done if not where else store.count(one.id, status="done", where=where)
            skip, total = max(0, offset - total), total + count
            if skip < count and left != 0:
                rows = store.containers(one.id, status="done", where=where, top=left, offset=skip)
                found += _listed(store, one.id, rows)
                left = None if left is None else left - len(rows)
    return Page(tuple(found), total)


def _of_dataset(run: RunSummary, wanted: str | None) -> bool:
    return wanted is None or run.dataset == wanted or (len(wanted) >= 8 and run.dataset_hash.startswith(wanted))


def _where(store: Store, run: RunSummary, strategy: str | None) -> tuple[Condition, ...] | None:
    """What a run's containers must fulfil to have the strategy; None when none of them can."""
    if strategy is None:
        return ()
    books = _books(store.run(run.id))
    with_it = [book for book, there in books.items() if any(strategy in pair for pair in there)]
    if len(with_it) == len(books):
        return ()
    return (Condition("book", tuple(with_it)),) if with_it else None


def _books(run: Run) -> dict[str, list[tuple[str, str]]]:
    """The strategies (name, kind) of each book of a run, as its config has them; of logs, their names twice."""
    told_of = run.plan.get("told")
    if told_of is not None:
        return {"main": [(name, name) for name in told_of["strategies"]]}
    books: dict[str, list[tuple[str, str]]] = {}
    taken: dict[str, None] = {}
    for table in config.tables(config.load(run.config), "strategy"):
        kind = str(table["kind"])
        name, count = table.get("name") or kind, 1
        while name in taken:
            count += 1
            name = f"{kind}_{count}"
        taken[name] = None
        books.setdefault(table.get("book", "main"), []).append((name, kind))
    return books


def _listed(store: Store, run_id: int, rows: Sequence[Container]) -> list[Log]:
    run = store.run(run_id)
    books = _books(run)
    imported = config.load(run.config).get(config.IMPORTED)
    listed = []
    generated = run.pattern == "signal_generation"
    told_of = summaries(store, run_id, [row.index for row in rows] if generated else [])
    for row in rows:
        there = books[row.params["book"]] if len(books) > 1 else next(iter(books.values()))
        listed.append(
            Log(
                run=run_id,
                index=row.index,
                name=run.name,
                pattern=run.pattern,
                dataset=run.dataset,
                dataset_hash=run.dataset_hash,
                strategies=tuple(name for name, _ in there),
                kinds=() if run.plan.get("told") else tuple(kind for _, kind in there),
                params=row.params,
                digest=row.signals_digest or "",
                rows=row.rows,
                file=imported["file"] if imported else None,
                summary=told_of.get(row.index),
            )
        )
    return listed


def summaries(store: Store, run_id: int, indices: Sequence[int]) -> dict[int, dict[str, Any]]:
    """The summaries of stored reports, by index; what has none is left out."""
    found = {}
    for index in indices:
        kept = store.reports(run_id, index)
        if index in kept:
            found[index] = reports.summary(kept[index])
    return found


def report_of(home: Home, run_id: int, index: int) -> dict[str, Any]:
    """The report of a log: as it is stored, else worked out now. StoreError for a container that is not done."""
    with home.store() as store:
        kept = store.reports(run_id, index)
    if index in kept:
        stored: dict[str, Any] = kept[index]
        return stored
    reading = _done(home, run_id, index)
    return reports.report(told(reading.log), reading.shared.seen, reading.first, _stop(reading), reading.regime_names)


def _done(home: Home, run_id: int, index: int) -> Reading:
    reading = read(home, run_id, index)
    if not reading.done:
        raise StoreError(f"container {run_id}/{index} is {reading.container.status}, so it has no signals")
    return reading


def _stop(reading: Reading) -> int:
    """The first bar that a report leaves out: the held-out bars are not looked at."""
    return len(reading.market.time) if reading.test is None else reading.test


def overlap(home: Home, references: Sequence[str]) -> dict[str, list[list[float | None]]]:
    """How much logs say the same, on the bars that all of them trade and none holds out. InputError in one line.

    `correlation` and `agreement` of each pair, by row and column in the order of `references`; see the engine's.
    """
    if len(references) < 2:
        raise InputError("an overlap is of two logs and more; name another")
    readings = [_done(home, *replays.place(home, reference)) for reference in references]
    one = readings[0]
    for reference, other in zip(references[1:], readings[1:], strict=True):
        if other.market.dataset != one.market.dataset or other.market.symbols != one.market.symbols:
            raise InputError(
                f"{references[0]} and {reference} were made on other bars or symbols; compare logs of the same"
            )
    shortest = min(readings, key=lambda reading: len(reading.market.time))
    first, stop = max(reading.first for reading in readings), min(map(_stop, readings))
    if first >= stop:
        raise InputError("the logs have no bars in common that none of them holds out")
    found = overlapping([told(reading.log) for reading in readings], shortest.shared.seen, first, stop)
    return dict(zip(("correlation", "agreement"), found, strict=True))


def made_by(home: Home, run_id: int, index: int) -> Made:
    """What made a log: stages with the values they took, own stages' sources, data, and the digests that name it."""
    reading = read(home, run_id, index)
    run, row, spec = reading.run, reading.container, reading.spec
    stages: list[tuple[str, Stage]] = [("classifier", spec.classifier)] if spec.classifier else []
    stages += list(zip(spec.names[5:], spec.strategies, strict=False))
    told_of = run.plan.get("told", {})
    return Made(
        run=run_id,
        index=index,
        name=run.name,
        pattern=run.pattern,
        dataset=run.dataset,
        dataset_hash=run.dataset_hash,
        symbols=reading.market.symbols,
        strategies=spec.names[5:],
        params=row.params,
        stages={name: {"kind": stage.kind, **stage.values()} for name, stage in stages},
        sources={stage["kind"]: stage["hash"] for stage in run.plan.get("own", ())},
        replayed=tuple(told_of.get("logs", ())),
        imported=config.load(run.config).get(config.IMPORTED),
        digests={name: getattr(row, name) for name in ("signals_digest", "digest", "decisions_digest")},
    )
