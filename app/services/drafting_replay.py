"""The draft of a replay: the logs that are chosen, weighed at random to begin with."""

from collections.abc import Sequence

from app.services import replays
from app.services.drafting_text import dumped
from app.services.home import Home
from engine.errors import ConfigError
from engine.signals.stored import regime_source

#: How many weight vectors a new draft tries.
SAMPLES = 100


def replay_text(home: Home, references: Sequence[str]) -> str:
    """A replay of some logs as TOML; of the first one's regimes where they differ. Raises StoreError."""
    logs = tuple(replays.signal_log(home, reference) for reference in references)
    regimes = {}
    try:
        source = regime_source(logs, None)
    except ConfigError:
        source = next(log for log in logs if log.regimes)
        regimes = {"regimes": source.reference}
    several = sum(len(log.strategies) for log in logs) > 1
    weights = {"method": "random", "samples": SAMPLES, **({"by_regime": True} if source else {})}
    return dumped(
        {
            "experiment": {"name": "replay", "pattern": "signal_replay"},
            "replay": {"signals": list(references), **regimes},
            **({"ensemble": weights} if several else {}),
            "execution": {"commission_bps": 5.0, "slippage_bps": 2.0},
        }
    )
