"""How long an experiment takes and how much room its results need: from earlier runs, else from constants."""

from dataclasses import dataclass
from statistics import median

from app.services.home import Home
from app.services.running import default_workers
from db.store import Run, RunSummary, Store
from engine.errors import InputError

#: Bars times symbols that differ by no more than this factor are comparable.
ALIKE = 1.6
#: Runs with fewer containers say more about starting than about containers.
ENOUGH = 100
#: Of the newest runs, how many are looked at, and how many make a figure.
_LOOKED_AT, _TAKEN = 40, 5
#: Without comparable runs. Measured on one core of the machine that `benchmarks/results` names: a container of `BARS`
#: bars of one symbol takes this long and this much room, and a run this long before its first container.
SECONDS, BYTES, BARS = 200e-6, 2_048, 5_000
STARTUP = 2.0
#: Share of a container's time that does not grow with its bars.
_FIXED = 0.25


@dataclass(frozen=True, slots=True)
class Estimate:
    """Seconds until the last result is stored, bytes of results, and in words what they are taken from."""

    seconds: float
    size: float
    source: str


@dataclass(frozen=True, slots=True)
class Measured:
    """What a finished run took: seconds of one core a container, and bars times symbols."""

    run: int
    core_seconds: float
    startup: float
    cells: int


def estimate(containers: int, bars: int, symbols: int, measured: list[Measured], each: float | None) -> Estimate:
    """An estimate for this machine. `measured`: earlier runs, newest first; `each`: bytes of a stored container."""
    workers, cells = default_workers(), max(1, bars * symbols)
    alike = [run for run in measured if 1 / ALIKE <= run.cells / cells <= ALIKE][:_TAKEN]
    size = containers * (BYTES if each is None else each)
    if alike:
        core, startup = median(run.core_seconds for run in alike), median(run.startup for run in alike)
        runs = ", ".join(str(run.run) for run in alike)
        source = f"from run{'s' if len(alike) > 1 else ''} {runs} of this home, on as many bars"
    else:
        core, startup = SECONDS * (_FIXED + (1 - _FIXED) * cells / BARS), STARTUP
        source = (
            f"from {SECONDS * 1e6:.0f} µs a container of {BARS:,} bars on one core; no comparable run in this home yet"
        )
    if each is None:
        source += f"; {BYTES / 1024:.0f} KB a container"
    return Estimate(startup + containers * core / workers, size, source)


def measured(home: Home) -> tuple[list[Measured], float | None]:
    """What the newest runs of a home took, and the bytes a stored container has on average; None when there is none."""
    try:
        with home.store() as store:
            runs = store.runs()
            counted = sum(run.done + run.failed for run in runs)
            found = _looked_at(store, runs)
        stored = sum(path.stat().st_size for path in home.path.glob("bulkhead.sqlite*"))
    except (InputError, OSError):
        return [], None
    return found, stored / counted if counted >= ENOUGH else None


def _looked_at(store: Store, runs: list[RunSummary]) -> list[Measured]:
    """The newest runs that say something of the time of a container."""
    useful = [run for run in runs if run.status == "done" and run.done >= ENOUGH and run.seconds and not run.failed]
    found = []
    for summary in useful[::-1][:_LOOKED_AT]:
        try:
            found.append(_taken(store.run(summary.id)))
        except InputError:  # a damaged run says nothing
            continue
    return found


def _taken(run: Run) -> Measured:
    cells = int(run.plan.get("bars", 0)) * len(run.plan.get("symbols", ()))
    core = (run.seconds or 0.0) / run.containers * (run.workers or 1)
    return Measured(run.id, core, run.startup_seconds or 0.0, cells)


def size(count: float) -> str:
    """Bytes in words."""
    for unit in ("bytes", "KB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            return f"{count:,.0f} {unit}" if unit == "bytes" or count >= 10 else f"{count:,.1f} {unit}"
        count /= 1024
    return ""
