"""What a reader should know before believing a container's figures."""

from app.components.numbers import many
from app.services.drafting import tables
from db.store import BENCHMARK, Container, Run
from engine import config

#: With fewer trades than this, figures say little.
FEW_TRADES = 30
#: From so many trials of a hypothesis on, the best one looks better than it is.
MANY_TRIALS = 20


#: What is said wherever fills at the close that decided them are shown.
OPTIMISTIC = "Fills at the same close are optimistic: a close is known only when it is too late to trade at it."
SAME_CLOSE = "same_close"


def warnings(run: Run, row: Container) -> list[str]:
    """One line each; none for the benchmark, which nobody chose."""
    if row.index == BENCHMARK:
        return []
    found = []
    trades = int((row.metrics or {}).get("trades") or 0)
    if trades < FEW_TRADES:
        found.append(f"{many(trades, 'trade')}: with fewer than {FEW_TRADES}, these figures may well be chance.")
    if line := trials(run):
        found.append(line)
    return found


def trials(run: Run) -> str | None:
    """What the number of trials does to the best of them, when there are many."""
    if run.trials < MANY_TRIALS:
        return None
    what = "of this hypothesis" if run.hypothesis else "without a named hypothesis"
    held_out = run.plan.get("test") is not None
    advice = "believe what the held-out bars confirm." if held_out else "hold bars out with test_start to check."
    return f"{run.trials:,} trials {what} on this dataset: the best of so many looks better than it is; {advice}"


def fills(run: Run) -> str | None:
    """That some of a run's containers, or all, fill at the very close that decided."""
    draft = config.load(run.config)
    ways = [way for table in tables(draft, "execution") for way in _ways(table.get("fill"))]
    if SAME_CLOSE not in ways:
        return None
    return OPTIMISTIC if len(ways) == 1 else f"{OPTIMISTIC} Compare only containers with the same fill."


def _ways(value: object) -> list[object]:
    """The values of a parameter that is a word."""
    return list(value) if isinstance(value, list) else [value]
