"""What a reader should know before believing a container's figures."""

from app.components.numbers import many
from db.store import BENCHMARK, Container, Run

#: With fewer trades than this, figures say little.
FEW_TRADES = 30
#: From so many trials of a hypothesis on, the best one looks better than it is.
MANY_TRIALS = 20


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
