"""The way from signals to trades in steps: how many came to each, what was refused there, and why, in words."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.events import NO_CAUSE, Kind, Reason
from engine.projections.funnel import trades
from engine.projections.trace import REASONS

Log = npt.NDArray[np.void]

_WORDS = {
    Reason.STOPPED: "the symbol is stopped out until a new signal",
    Reason.NO_CASH: "there was no cash for it",
    Reason.BELOW_LOT: "it was less than one lot",
    Reason.REPLACED: "a newer order took its place",
    Reason.BANKRUPT: "the equity was used up",
    Reason.END_OF_DATA: "the data ended before it could be filled",
}
#: What "nothing to change" means depends on what was refused.
_NO_CHANGE = {
    Kind.SIGNAL: "it changed no target weight",
    Kind.TARGET: "the target was 0, and nothing was held",
    Kind.ORDER: "what was wanted was held already",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `refused`: how many came to nothing here, by reason in words, the most frequent first.

    `note`: what else there is to say of it, "" for nothing.
    """

    name: str
    count: int
    refused: tuple[tuple[str, int], ...]
    note: str = ""

    @property
    def lost(self) -> int:
        return sum(count for _, count in self.refused)


def steps(log: Log) -> list[Step]:
    """Signals, targets, orders, fills and trades of a log."""
    kinds = np.bincount(log["kind"], minlength=len(Kind))
    orders, fills = log[log["kind"] == Kind.ORDER], int(kinds[Kind.FILL])
    behind = orders["cause"][orders["cause"] != NO_CAUSE]
    sources = np.bincount(log["kind"][behind], minlength=len(Kind))
    parts = [(Kind.TARGET, "target"), (Kind.STOP, "stop"), (Kind.REBALANCE, "rebalance")]
    made_of = ", ".join(f"{sources[kind]:,} from a {word}" for kind, word in parts if sources[kind])
    closed = trades(log)
    return [
        Step("Signals", int(kinds[Kind.SIGNAL]), _refused(log, Kind.SIGNAL)),
        Step("Targets", int(kinds[Kind.TARGET]), _refused(log, Kind.TARGET)),
        Step("Orders", len(orders), _refused(log, Kind.ORDER), made_of),
        Step("Fills", fills, (), _cuts(log)),
        Step("Trades", closed, (), "round trips that are closed; each takes two fills or more"),
    ]


def _cuts(log: Log) -> str:
    """What orders were cut by."""
    reasons = log["reason"][log["kind"] == Kind.RESIZE]
    words = {Reason.CASH: "the cash there was", Reason.VOLUME: "the bar's volume", Reason.MAX_WEIGHT: "max weight"}
    found = np.unique(reasons).tolist()
    told = [(int((reasons == r).sum()), words.get(Reason(r), f"{Reason(r).name.lower()} limit")) for r in found]
    return ", ".join(f"{count:,} cut to {what}" for count, what in told)


def _refused(log: Log, kind: Kind) -> tuple[tuple[str, int], ...]:
    """The rejections of events of one kind, by reason."""
    rejections = log[(log["kind"] == Kind.REJECTION) & (log["cause"] != NO_CAUSE)]
    codes = rejections["reason"][log["kind"][rejections["cause"]] == kind]
    found = [(reason, int((codes == reason).sum())) for reason in np.unique(codes).tolist()]
    found.sort(key=lambda item: (-item[1], item[0]))
    return tuple((_reason(Reason(reason), kind), count) for reason, count in found)


def _reason(reason: Reason, kind: Kind) -> str:
    if reason == Reason.NO_CHANGE:
        return _NO_CHANGE.get(kind, "there was nothing to change")
    return _WORDS.get(reason) or REASONS.get(reason.name.lower(), reason.name.lower().replace("_", " "))
