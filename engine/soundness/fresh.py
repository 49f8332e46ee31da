"""The same call in a fresh process whose hashes of texts are others: what depends on the order of a set shows here."""

import os
import signal
import sys
import threading
from collections.abc import Sequence

from engine.classifiers.volatility import VolatilityRegimes
from engine.errors import BulkheadError, StageError
from engine.indicators.hub import Hub
from engine.indicators.own import Indicator
from engine.market.index import index_market
from engine.market.market import Market
from engine.own import sealed
from engine.own.load import load
from engine.own.source import Source
from engine.parallel.seal import seal
from engine.registry import BUILT_IN
from engine.soundness.case import Case, output
from engine.soundness.finding import Finding
from engine.soundness.repeat import DETERMINISM, digest
from engine.soundness.words import told
from engine.stage import Regimes, Stage
from engine.steps import classify

#: Of texts' hashes: the one that this process does not have is taken.
_SEEDS = ("12345", "54321")
#: A fresh process ends by itself after this, whatever became of the one that started it.
_SECONDS = 600


def find(
    sources: Sequence[Source], names: Sequence[str], kind: str
) -> tuple[type[Stage], dict[tuple[str, str], type[Indicator]]]:
    """The class of `kind`, built in or loaded here from `sources`, and the own indicators beside it.

    Raises StageError when the files cannot be imported or define no such kind.
    """
    if not names:
        return {**BUILT_IN.strategies, **BUILT_IN.classifiers}[kind], {}
    stages = load(sources, [source.name for source in sources])
    own = {(one.kind, getattr(one, "source_hash", "")): one for one in stages if issubclass(one, Indicator)}
    for name in names:  # whatever it derives from: the check of its contract says what is wrong with that
        for item in vars(sys.modules[name]).values():
            if isinstance(item, type) and getattr(item, "kind", None) == kind and item.__module__ == name:
                return item, own
    files = ", ".join(f"stages/{name}.py" for name in names)
    raise StageError(f"{files}: defines no stage of kind '{kind}'")


def regimes_of(market: Market) -> Regimes:
    """What a strategy gets to see of a classifier: calm and turbulent, by windows that fit the market."""
    series = index_market(market)
    short = len(market.time) < 1000
    classifier = VolatilityRegimes(window=10, baseline=40) if short else VolatilityRegimes()
    return classify(classifier, series, Hub(series), 0).regimes


class Fresh:
    """A fresh process on its way to the digests of what a stage says on some markets."""

    def __init__(
        self,
        sources: Sequence[Source],
        names: Sequence[str],
        kind: str,
        seed: int,
        markets: Sequence[tuple[Market, bool]],
    ) -> None:
        """`markets`: each with whether the stage gets regimes there. It starts at once."""
        self._answer: list[str] | BaseException | None = None
        own = os.environ.get("PYTHONHASHSEED")
        os.environ["PYTHONHASHSEED"] = _SEEDS[own == _SEEDS[0]]

        def work() -> None:
            try:
                self._answer = sealed.apart(
                    digests, os.getpid(), tuple(sources), tuple(names), kind, seed, tuple(markets)
                )
            except BaseException as error:
                self._answer = error

        self._thread = threading.Thread(target=work, daemon=True)
        self._thread.start()

    def compare(self, expected: Sequence[str]) -> list[Finding]:
        """Wait for it, and compare with the digests found here."""
        self._thread.join()
        if isinstance(self._answer, BaseException):
            words = " ".join(str(self._answer).split())[-300:]
            return [Finding(DETERMINISM, "failure", f"in a fresh process it fails: {words}")]
        if self._answer != list(expected):
            return [
                Finding(
                    DETERMINISM,
                    "failure",
                    "a fresh process gets other values from the same data; do not go through a set, nor by hash() "
                    "or id(), and draw from the generators of a RandomStrategy",
                )
            ]
        return [Finding(DETERMINISM, "ok", "twice here, and in a fresh process with other hashes: the same bytes")]


def digests(
    parent: int,
    sources: tuple[Source, ...],
    names: tuple[str, ...],
    kind: str,
    seed: int,
    markets: tuple[tuple[Market, bool], ...],
) -> list[str]:
    """In the fresh process: the digest of what the stage says on each market."""
    seal(2, parent)
    signal.alarm(_SECONDS)  # should it be left alone
    model, own = find(sources, names, kind)
    try:
        stage = model()
        return [
            digest(output(Case(stage, market, seed, regimes_of(market) if regimes else None, own)))
            for market, regimes in markets
        ]
    except BulkheadError:
        raise
    except (Exception, SystemExit) as error:
        raise StageError(told(error)) from error
