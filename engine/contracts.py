"""The contract table: which stage reads what, emits what, and which way each kind travels.

This file is the only place where it stands. The container routes by it, the buses refuse what it does not grant,
and the documentation and the trace page print it.
"""

from dataclasses import dataclass
from enum import StrEnum

from engine.events import Kind, Level


class Role(StrEnum):
    """What a stage is to a container."""

    MARKET = "market stream"
    HUB = "indicator hub"
    CLASSIFIER = "classifier"
    STRATEGY = "strategy"
    BAR_STRATEGY = "bar strategy"
    ENSEMBLE = "ensemble"
    RISK = "risk & portfolio"
    EXECUTION = "execution"
    ANALYSIS = "signal analysis"
    STORE = "signal store"


@dataclass(frozen=True, slots=True)
class Contract:
    """One row of the table: the buses a stage sits on (it reads from the first), the kinds it reads and emits."""

    role: Role
    levels: tuple[Level, ...]
    consumes: frozenset[Kind]
    emits: frozenset[Kind]
    note: str = ""


def _row(
    role: Role, levels: tuple[Level, ...], consumes: tuple[Kind, ...], emits: tuple[Kind, ...], note: str = ""
) -> Contract:
    return Contract(role, levels, frozenset(consumes), frozenset(emits), note)


K = Kind
CONTRACTS: dict[Role, Contract] = {
    row.role: row
    for row in (
        _row(Role.MARKET, (Level.CONTAINER,), (), (K.BAR,)),
        _row(Role.HUB, (Level.CONTAINER,), (K.BAR,), (K.INDICATOR,), "result shared by all containers"),
        _row(Role.CLASSIFIER, (Level.CLASSIFIER,), (K.INDICATOR, K.BAR), (K.REGIME,)),
        _row(Role.STRATEGY, (Level.STRATEGY,), (K.INDICATOR, K.BAR, K.REGIME), (K.SIGNAL,), "one scope each"),
        _row(
            Role.BAR_STRATEGY,
            (Level.STRATEGY,),
            (K.INDICATOR, K.BAR, K.REGIME, K.FILL),
            (K.SIGNAL,),
            "one scope each; knows its position",
        ),
        _row(
            Role.ENSEMBLE,
            (Level.PORTFOLIO,),
            (K.SIGNAL, K.REGIME),
            (K.TARGET, K.REJECTION),
            "the weighted signal, after scale and caps",
        ),
        _row(
            Role.RISK,
            (Level.RISK, Level.PORTFOLIO),
            (K.TARGET, K.REGIME, K.BAR, K.FILL, K.SPLIT, K.CASH),
            (K.ORDER, K.RESIZE, K.REJECTION, K.STOP, K.REBALANCE),
        ),
        _row(Role.EXECUTION, (Level.CONTAINER,), (K.ORDER, K.BAR), (K.FILL, K.REJECTION, K.SPLIT, K.CASH)),
        _row(
            Role.ANALYSIS,
            (Level.PORTFOLIO, Level.CONTAINER),
            (K.SIGNAL, K.REGIME, K.BAR),
            (K.REPORT,),
            "signal generation: what the signals are worth, before any order",
        ),
        _row(
            Role.STORE,
            (Level.CLASSIFIER, Level.STRATEGY),
            (),
            (K.REGIME, K.SIGNAL),
            "signal replay: stored logs of other containers, the one route between containers",
        ),
    )
}

_DOWN = (
    (Level.CONTAINER, Level.CLASSIFIER),
    (Level.CLASSIFIER, Level.RISK),
    (Level.RISK, Level.PORTFOLIO),
)
#: Which way a kind crosses from one bus to the next. Context goes down, intents go up, fills come back down to the
#: portfolio. What is not listed here stays on the bus it was published on.
FORWARDS: dict[Kind, tuple[tuple[Level, Level], ...]] = {
    K.BAR: (
        (Level.CONTAINER, Level.CLASSIFIER),
        (Level.CLASSIFIER, Level.RISK),
        (Level.RISK, Level.PORTFOLIO),
        (Level.PORTFOLIO, Level.STRATEGY),
    ),
    K.INDICATOR: (
        (Level.CONTAINER, Level.CLASSIFIER),
        (Level.CLASSIFIER, Level.RISK),
        (Level.RISK, Level.PORTFOLIO),
        (Level.PORTFOLIO, Level.STRATEGY),
    ),
    K.REGIME: (
        (Level.CLASSIFIER, Level.RISK),
        (Level.RISK, Level.PORTFOLIO),
        (Level.PORTFOLIO, Level.STRATEGY),
    ),
    K.SIGNAL: ((Level.STRATEGY, Level.PORTFOLIO),),
    K.TARGET: ((Level.PORTFOLIO, Level.RISK),),
    K.ORDER: (
        (Level.PORTFOLIO, Level.RISK),
        (Level.RISK, Level.CLASSIFIER),
        (Level.CLASSIFIER, Level.CONTAINER),
    ),
    K.FILL: (*_DOWN, (Level.PORTFOLIO, Level.STRATEGY)),
    K.SPLIT: _DOWN,
    K.CASH: _DOWN,
}


def table() -> list[tuple[str, str, str, str, str]]:
    """The contract table as text rows: stage, level, consumes, emits, note."""

    def names(kinds: frozenset[Kind]) -> str:
        return ", ".join(kind.name for kind in sorted(kinds)) or "–"

    return [
        (
            row.role.value,
            ", ".join(level.name.lower() for level in row.levels),
            names(row.consumes),
            names(row.emits),
            row.note,
        )
        for row in CONTRACTS.values()
    ]
