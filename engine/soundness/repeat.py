"""Whether a stage repeats itself: the same again, whatever was called before, and nothing it was given is changed."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.market.market import COLUMNS, Market
from engine.soundness.case import Case, output
from engine.soundness.finding import Finding
from engine.soundness.snapshot import snapshot
from engine.soundness.words import line, told, writes

DETERMINISM, MUTATION, STATE = "determinism", "mutation", "kept state"


def mutation(case: Case) -> list[Finding]:
    """Whether it writes to its inputs or its parameters: refused as it happens, or seen afterwards."""
    market = case.seen()
    values = case.given(market)
    before = _contents(market, values)
    kept = case.stage.model_dump(mode="json")
    names = sorted(values)
    try:
        output(Case(case.stage, case.market, case.seed, case.regimes, case.own, values))
    except (Exception, SystemExit) as error:
        what = writes(error)
        if not what:
            return []  # told by another check
        cure = "work on a copy, e.g. market.close.copy()" if what == "its inputs" else "a stage's fields are frozen"
        return [Finding(MUTATION, "failure", f"it writes to {what} at {line(error) or 'a line of its own'}; {cure}")]
    after = _contents(case.seen(), case.given(market) if case.values else values)
    for name, digest in before.items():
        if after.get(name) != digest:
            return [Finding(MUTATION, "failure", f"it changed {name}, which all containers share; work on a copy")]
    if case.stage.model_dump(mode="json") != kept:
        return [Finding(MUTATION, "failure", "it changed its own parameters; a stage's fields are frozen")]
    if sorted(values) != names:
        return [Finding(MUTATION, "failure", "it changed the dict of indicators it was given")]
    return [Finding(MUTATION, "ok", "bars, indicators, regimes and parameters are as they were")]


def _contents(market: Market, values: dict[str, npt.NDArray[np.float64]]) -> dict[str, str]:
    found = {f"market.{name}": getattr(market, name) for name in (*COLUMNS, "valid", "time", "session", "bars")}
    found |= {f"market.features['{name}']": array for name, array in market.features.items()}
    found |= {f"indicators['{name}']": array for name, array in values.items()}
    return {name: digest(array) for name, array in found.items()}


def repeats(case: Case, other: Case, modules: Sequence[str], before: Mapping[str, str]) -> list[Finding]:
    """Whether it gives the same bytes again, also after a call on `other` data, and keeps nothing between calls.

    `modules`: the names of the user's modules, whose variables are compared with `before`, their snapshot before the
    first call of all.
    """
    first = digest(output(case))
    again = digest(output(case))
    after = snapshot(case.stage, modules)
    kept = [where for where in after if before.get(where) != after[where]]
    if kept:
        consequence = "; what it returns changes with it" if first != again else ""
        return [
            Finding(
                STATE,
                "failure",
                f"it keeps something from one call to the next: {', '.join(kept[:3])} changed{consequence}; compute it "
                "anew in each call",
            )
        ]
    if first != again:
        return [
            Finding(
                DETERMINISM,
                "failure",
                "two calls on the same data return different values; draw from the generators of a RandomStrategy, and "
                "read no clock",
            )
        ]
    try:
        output(other)
    except (Exception, SystemExit) as error:
        return [Finding(STATE, "note", f"on other data it fails: {told(error)}")]
    if digest(output(case)) != first:
        return [
            Finding(STATE, "failure", "a call on other data changes what it returns; compute all anew in each call")
        ]
    return [Finding(STATE, "ok", "a call leaves nothing behind for the next")]


def steady(case: Case) -> bool:
    """Whether two calls in a row return the same."""
    return digest(output(case)) == digest(output(case))


def digest(values: npt.NDArray[Any]) -> str:
    """The hash (hex) of an array's bytes; all NaN, and both zeros, are alike."""
    if values.dtype.kind == "f":
        values = np.where(np.isnan(values), np.nan, values + 0.0)
    return hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()
