"""Whether a stage runs, returns what its protocol says, and what it makes of missing bars."""

import numpy as np

from engine.classifiers.base import Classifier
from engine.risk.caps import RiskCaps
from engine.soundness.case import Case, output, raw
from engine.soundness.finding import Finding
from engine.soundness.words import told, writes
from engine.stage import Regimes
from engine.strategies.base import Strategy

SHAPE, MISSING, REGIMES = "shape and range", "missing bars", "regimes"


def shape(case: Case) -> list[Finding]:
    """Call it once: what it raises, or what is wrong with the array it returns. Writing is named by `mutation`."""
    try:
        values = output(case)
    except (Exception, SystemExit) as error:
        if writes(error):
            return []
        return [Finding(SHAPE, "failure", told(error))]
    says = f"{' × '.join(map(str, values.shape))}"
    return [Finding(SHAPE, "ok", f"{says} values (bars × {'label' if case.symbols[0] == 'the market' else 'symbols'})")]


def opinions(case: Case) -> list[Finding]:
    """A note when it never says anything on the market."""
    values = raw(case)
    silent = (values < 0).all() if isinstance(case.stage, Classifier) else np.isnan(values).all()
    if not silent:
        return []
    bars = len(case.market.time)
    return [Finding(SHAPE, "note", f"it says nothing at any of {bars:,} bars: too few for its windows, or NaN spreads")]


def missing(case: Case, whole: Case) -> list[Finding]:
    """Whether one missing bar silences a symbol for good. `case` has gaps, `whole` is the same without any."""
    try:
        with_gaps, without = raw(case), raw(whole)
    except (Exception, SystemExit) as error:
        if writes(error):
            return []
        return [Finding(MISSING, "failure", f"it fails where a symbol lists late and lacks bars: {told(error)}")]
    if isinstance(case.stage, Classifier):
        return [Finding(MISSING, "ok", "a market with gaps is labelled")]
    valid = case.market.valid
    for s in np.flatnonzero(~valid.all(axis=0)):
        own = np.flatnonzero(valid[:, s])
        spoken = np.isfinite(with_gaps[own, s])
        last = int(own[np.flatnonzero(spoken)[-1]]) if spoken.any() else -1
        expected = np.isfinite(without[own, s])
        later = int((expected & (own > last)).sum())
        if expected.any() and last < len(valid) // 2 and later > len(valid) // 4:
            where = f"after bar {last}" if last >= 0 else "at any bar"
            return [
                Finding(
                    MISSING,
                    "failure",
                    f"NaN spreads: a symbol that lacks some bars gets no value {where} ({later} are given when none "
                    "is missing); compute on its own bars (market.valid), or ask the hub for the indicator",
                    bar=max(last, 0),
                )
            ]
    return [Finding(MISSING, "ok", "a symbol that lists late and lacks bars has values again after them")]


def regimes(case: Case) -> list[Finding]:
    """Whether a strategy or rule runs with a classifier and without; a note when it needs one of them."""
    if not isinstance(case.stage, Strategy | RiskCaps):
        return []
    other = case.regimes is None
    codes = np.zeros(len(case.market.time), np.int64)
    try:
        raw(
            Case(case.stage, case.market, case.seed, Regimes(codes, ("calm", "turbulent")) if other else None, case.own)
        )
    except (Exception, SystemExit) as error:
        if writes(error):
            return []
        what = "with regimes 'calm' and 'turbulent'" if other else "without a classifier (regimes is None)"
        return [Finding(REGIMES, "note", f"it does not run {what}: {told(error)}")]
    return []
