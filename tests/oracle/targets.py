"""From signals to targets in the twin: weights, sizes, scale, caps; and the universe."""

import math
from typing import Any

from tests.oracle.account import Account
from tests.oracle.rules import BARS_PER_YEAR, CHANGE

FIXED = ("cash", "quantity")
BY_RANGE = ("inverse_volatility", "volatility_target", "risk")


def weighted_signals(account: Account) -> list[float]:
    weights: Any = account.rules["weights"]
    if isinstance(weights, dict):
        weights = None if account.label is None else weights.get(account.label)
    if weights is None:
        weights = [1 / account.strategies] * account.strategies
    weighted = []
    for s in range(account.symbols):
        total = 0.0
        for i in range(account.strategies):
            total += weights[i] * account.signal[i][s]
        weighted.append(0.0 if abs(total) <= CHANGE else total)
    return weighted


def full_signal(account: Account, bar: int, symbol: int) -> float | None:
    """What a full signal asks for by the ranges of this bar; None where they are not known."""
    rules = account.rules
    slot = rules["slot"] if rules["slot"] is not None else 1 / account.symbols
    if rules["sizing"] == "risk":
        atr, close = account.range_at("size_atr", bar, symbol), account.last_close[symbol]
        if not atr:
            return None
        in_first_units = close * account.factors[bar][symbol]
        return float(rules["risk_per_trade"] * in_first_units / (rules["atr_multiple"] * atr))
    sigma = account.range_at("volatility", bar, symbol)
    if not sigma:
        return None
    if rules["sizing"] == "volatility_target":
        return float(slot * rules["target_volatility"] / (sigma * math.sqrt(BARS_PER_YEAR)))
    known = [account.range_at("volatility", bar, s) for s in range(account.symbols) if not account.ended[s]]
    inverse = sum(1 / other for other in known if other)
    return float(slot * account.symbols * (1 / sigma) / inverse)


def take_sizes(account: Account, bar: int, signalled: list[int], rebalances: bool) -> None:
    """Sizes by a range are taken at a symbol's own SIGNALs and at scheduled rebalances; others never change."""
    rules = account.rules
    for s in range(account.symbols):
        if rules["sizing"] in FIXED:
            account.slots[s] = 1.0
        elif rules["sizing"] not in BY_RANGE:
            account.slots[s] = rules["slot"] if rules["slot"] is not None else 1 / account.symbols
        elif s in signalled or rebalances:
            account.slots[s] = full_signal(account, bar, s)


def asked_for(account: Account, weighted: list[float]) -> list[float]:
    """Targets before caps."""
    scale = 1.0
    if account.label is not None and account.rules["regime_scale"] is not None:
        scale = account.rules["regime_scale"].get(account.label, 1.0)
    return [scale * (slot or 0.0) * w for slot, w in zip(account.slots, weighted, strict=True)]


def capped(account: Account, asked: list[float]) -> list[float]:
    rules = account.rules
    if rules["long_only"]:
        asked = [max(target, 0.0) for target in asked]
    if rules["sizing"] in FIXED:
        return asked
    most = rules["max_weight"]
    targets = [min(max(target, -most), most) for target in asked]
    gross = 0.0
    for target in targets:
        gross += abs(target)
    if gross > rules["max_gross"]:
        targets = [target / (gross / rules["max_gross"]) for target in targets]
    return targets


def members(account: Account, bar: int) -> list[bool]:
    """Whether each symbol is in the universe: its feature's last known value is above 0."""
    if account.rules["universe"] is None:
        return [True] * account.symbols
    feature = account.market["features"][account.rules["universe"]]
    found = []
    for s in range(account.symbols):
        known = [row[s] for row in feature[: bar + 1] if row[s] is not None]
        found.append(bool(known) and known[-1] > 0)
    return found
