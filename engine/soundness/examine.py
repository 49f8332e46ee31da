"""All checks of one stage, in order: what the rest needs comes first, and what cannot be tried is not told of."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from engine.errors import StageError
from engine.market.market import Market
from engine.own.source import Source
from engine.soundness import causality, contract, corners, repeat, values
from engine.soundness.case import Case, output
from engine.soundness.finding import Finding
from engine.soundness.fresh import Fresh, find, regimes_of
from engine.soundness.markets import changed, gapped
from engine.soundness.snapshot import snapshot
from engine.soundness.words import told
from engine.strategies.bar import BarStrategy

SPEED = "speed"
#: A stage that needs longer for this many bars is slow: its containers wait for it.
_BARS, _SLOW, _SLOW_BY_BAR = 5000, 0.5, 5.0
#: Seconds that causality may take on real bars, and on made ones and other parameters.
_REAL, _MADE = 0.5, 0.25
_SHORT = 160


@dataclass(frozen=True)
class Job:
    """What is to be checked, and on what. `names`: the files of `sources` that may define `kind`; none: built in."""

    kind: str
    market: Market
    sources: tuple[Source, ...] = ()
    names: tuple[str, ...] = ()
    seed: int = 1


Begins = Callable[[str], None]


def _silently(check: str) -> None:
    pass


def examine(job: Job, begins: Begins = _silently) -> Iterator[Finding]:
    """Check a stage in this process, which is the user's from here on. `begins` is told the name of each check."""
    begins("import")
    try:
        model, own = find(job.sources, job.names, job.kind)
    except StageError as error:
        yield Finding("import", "failure", str(error))
        return
    begins(contract.CHECK)
    yield from (found := contract.contract(model))
    if not _all(found):
        return
    try:
        stage = model()
    except Exception as error:
        yield Finding(contract.CHECK, "failure", f"its defaults are refused: {told(error)}")
        return
    if found := contract.requests(stage):
        yield from found
        return
    yield from examine_stage(Case(stage, job.market, job.seed, None, own), job, begins)


def examine_stage(case: Case, job: Job | None = None, begins: Begins = _silently) -> Iterator[Finding]:
    """Check a stage as it is on a market. `job`: what to do again in a fresh process, if anything."""
    modules = tuple(source.name for source in job.sources) if job else (type(case.stage).__module__,)
    before = snapshot(case.stage, modules)
    begins(values.SHAPE)
    case = _with_regimes(case)
    made = replace(case, market=gapped(), regimes=case.regimes and regimes_of(gapped()))
    for name, check in ((repeat.MUTATION, repeat.mutation), (values.SHAPE, values.shape)):
        begins(name)
        yield from (found := check(case))
        if not _all(found):
            return
    yield from values.opinions(case)
    fresh = None
    if job and job.names:  # ours are tested; a fresh process takes longer than all else
        markets = [(one.market, one.regimes is not None) for one in (case, made)]
        fresh = Fresh(job.sources, job.names, job.kind, job.seed, markets)
    begins(values.REGIMES)
    yield from values.regimes(case)
    begins(values.MISSING)
    full = gapped(missing=False)
    yield from (found := values.missing(made, replace(made, market=full, regimes=made.regimes and regimes_of(full))))
    able = _all(found)
    begins(repeat.STATE)
    other = made if able else case.upto(len(case.market.time) // 2)
    yield from (found := repeat.repeats(case, other, modules, before))
    steady = _all(found) or repeat.steady(case)
    begins(causality.CHECK)
    if steady:  # else every prefix differs, and it would be said to look ahead
        yield from (found := _causality(case, made if able else None))
        if able:
            begins(corners.CHECK)
            small = gapped(_SHORT)
            others = corners.corners(replace(made, market=small, regimes=made.regimes and regimes_of(small)), _MADE)
            yield from (one for one in others if one.severity != "look-ahead" or _all(found))  # it need be said once
    if fresh is not None and steady and able:
        begins(repeat.DETERMINISM)
        yield from fresh.compare([repeat.digest(output(one)) for one in (case, made)])
    begins(SPEED)
    yield speed(case)


def _all(found: list[Finding]) -> bool:
    return all(finding.passed for finding in found)


def _with_regimes(case: Case) -> Case:
    """With regimes if it runs with them, else without. Tried on a copy: what it writes to is told by `mutation`."""
    regimes = regimes_of(case.market)
    for given in (regimes, None):
        try:
            output(replace(case, market=changed(case.market, {}), regimes=given))
        except (Exception, SystemExit):
            continue
        return replace(case, regimes=given)
    return replace(case, regimes=regimes)


def _causality(case: Case, made: Case | None) -> list[Finding]:
    """On the real market, and then on the made one, which lacks bars."""
    found = causality.causality(case, seconds=_REAL)
    if made is None or not _all(found):
        return found
    there = causality.causality(made, 20, 40, _MADE)
    if not _all(there):
        return [replace(one, message=f"on a made market with gaps: {one.message}") for one in there]
    known = {one.check for one in found}
    return [*found, *(one for one in there if one.check not in known)]


def speed(case: Case) -> Finding:
    """Seconds for 5,000 bars of the market's symbols; a note when that is slow."""
    output(case)
    started = time.perf_counter()
    output(case)
    seconds = (time.perf_counter() - started) * _BARS / max(len(case.market.time), 1)
    limit = _SLOW_BY_BAR if isinstance(case.stage, BarStrategy) else _SLOW
    symbols = len(case.market.symbols)
    said = f"{seconds:.2g} s for {_BARS:,} bars of {symbols} symbol{'' if symbols == 1 else 's'}"
    if seconds > limit:
        return Finding(SPEED, "note", f"slow: {said}; avoid loops over bars in Python (NumPy, or a Numba kernel)")
    return Finding(SPEED, "ok", said)
