"""Random small experiments, wild enough to reach every rule.

`cases()` draws the arguments of `trading.simulate` as a dictionary: `simulate(**case)`.
"""

import math
from typing import Any

from hypothesis import strategies as st

LABELS = (0, 1, 2)

#: Prices stay between these, so that rounding them never makes a step a nice ratio (a stop or a bankruptcy hit exactly
#: would be decided by the last bit).
LOWEST, HIGHEST = 2.0, 50_000.0

# Steps of the logarithm of a price, in thousandths: mostly quiet, at times a gap that stops out or ruins a short.
_quiet = st.integers(-30, 30)
_rough = st.integers(-250, 250)
_wild = st.integers(-1300, 1300)


def _step(price: float, thousandths: int) -> float:
    price *= math.exp(thousandths / 1000)
    return round(min(max(price, LOWEST), HIGHEST), 4)


@st.composite
def markets(draw: st.DrawFn, symbols: int | None = None, bars: int | None = None) -> dict[str, Any]:
    """Open, high, low, close as [bar][symbol], None where a symbol has no bar; every bar has at least one symbol."""
    symbols = symbols or draw(st.integers(1, 4))
    bars = bars or draw(st.integers(3, 40))
    mood = draw(st.sampled_from([_quiet, _rough, _rough, st.one_of(_quiet, _quiet, _rough, _wild)]))
    gaps = draw(st.sampled_from([1, 1, 3, 6]))  # 1: no missing bars; n: one bar in n is missing
    valid = [[True] * symbols for _ in range(bars)]
    if gaps > 1 and symbols > 1:
        for s in range(symbols):
            present = draw(st.lists(st.sampled_from([True] * (gaps - 1) + [False]), min_size=bars, max_size=bars))
            listed = draw(st.integers(0, max(bars // 3, 1)))
            for t in range(bars):
                valid[t][s] = present[t] and t >= listed
        for t in range(bars):
            if not any(valid[t]):
                valid[t][t % symbols] = True

    wick = draw(st.sampled_from([1.01, 1.0, 1.1]))
    market: dict[str, Any] = {
        name: [[None] * symbols for _ in range(bars)] for name in ("open", "high", "low", "close")
    }
    for s in range(symbols):
        price = draw(st.sampled_from([17.31, 100.0, 431.07]))
        overnight = draw(st.lists(mood, min_size=bars, max_size=bars))
        intraday = draw(st.lists(mood, min_size=bars, max_size=bars))
        for t in range(bars):
            if not valid[t][s]:
                continue
            open_ = _step(price, overnight[t])
            price = _step(open_, intraday[t])
            market["open"][t][s] = open_
            market["high"][t][s] = round(max(open_, price) * wick, 4)
            market["low"][t][s] = round(min(open_, price) / wick, 4)
            market["close"][t][s] = price
    return market


@st.composite
def signals(draw: st.DrawFn, bars: int, symbols: int) -> list[list[float | None]]:
    """One strategy's dense values; on many bars it has no opinion or keeps the one it had."""
    values: list[float | None] = draw(
        st.sampled_from(
            [
                [None, None, None, -1.0, -0.5, 0.0, 0.5, 1.0],
                [None, -1.0, 1.0],
                [None, None, None, None, None, 1.0, 0.0],
                [-1.0, -0.5, 0.0, 0.5, 1.0],
                [None, None, -0.5, -1.0],
            ]
        )
    )
    row = st.lists(st.sampled_from(values), min_size=symbols, max_size=symbols)
    return draw(st.lists(row, min_size=bars, max_size=bars))


@st.composite
def labels(draw: st.DrawFn, bars: int) -> list[int]:
    """A label code per bar; -1 for some bars at the start, then episodes."""
    codes = [-1] * draw(st.integers(0, min(4, bars)))
    while len(codes) < bars:
        codes += [draw(st.sampled_from(LABELS))] * draw(st.integers(1, 6))
    return codes[:bars]


@st.composite
def _weights(draw: st.DrawFn, strategies: int, by_regime: bool) -> Any:
    one = st.lists(st.sampled_from([0.0, 0.2, 0.5, 1.0, 1.5]), min_size=strategies, max_size=strategies)
    choices: list[st.SearchStrategy[Any]] = [st.none(), one]
    if by_regime:
        choices.append(st.fixed_dictionaries(dict.fromkeys(LABELS, one)))
    return draw(st.one_of(choices))


@st.composite
def rules(draw: st.DrawFn, bars: int, strategies: int, with_regimes: bool) -> dict[str, Any]:
    scale: st.SearchStrategy[Any] = st.none()
    if with_regimes:
        scale = st.one_of(
            st.none(), st.fixed_dictionaries(dict.fromkeys(LABELS, st.sampled_from([0.0, 0.5, 1.0, 1.3])))
        )
    return {
        "first_bar": draw(st.one_of(st.just(0), st.integers(0, bars - 1))),
        "initial_cash": draw(st.sampled_from([100_000.0, 5_000.0])),
        "slot": draw(st.sampled_from([None, 0.7, 1.0, 1.0, 1.9])),
        "weights": draw(_weights(strategies, with_regimes)),
        "regime_scale": draw(scale),
        "max_weight": draw(st.sampled_from([1.0, 1.0, 0.35, 2.0])),
        "max_gross": draw(st.sampled_from([1.0, 0.6, 3.0, 3.0])),
        # Not round, so that no close lies on a stop price but for its last bit.
        "stop_loss": draw(st.sampled_from([None, None, 0.0173, 0.0731, 0.2519])),
        "rebalance": draw(st.sampled_from([None, None, 1, 3, 7])),
        "size_price": draw(st.sampled_from(["fill", "decision"])),
        "slippage_bps": draw(st.sampled_from([0.0, 2.0, 75.0])),
        "commission_bps": draw(st.sampled_from([0.0, 10.0, 200.0])),
        "lot_size": draw(st.sampled_from([0.0, 0.0, 0.25, 1.0, 50.0])),
    }


def _one(**choices: list[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({name: st.sampled_from(values) for name, values in choices.items()})


#: Rules that are off by default, in groups that make sense together. Numbers are not round, so that no price lies on a
#: level but for its last bit.
GROUPS: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "fill": _one(fill=["next_close", "same_close"]),
    "entry": _one(entry=["limit", "stop"], entry_offset=[0.0113, 0.0, 0.0431], good_for=[1, 2, 5]),
    "spread": _one(spread_bps=[13.0, 170.0]),
    "impact": _one(impact=[0.05, 1.3]),
    "participation": _one(participation=[0.31, 0.013, 1.0]),
    "tick": _one(tick_size=[0.01, 0.5, 3.0]),
    "commission": st.one_of(
        _one(commission_per_unit=[0.013, 0.7]),
        _one(commission_per_order=[7.3, 310.0]),
        _one(commission_min=[11.9, 470.0]),
        _one(commission_per_unit=[0.013], commission_per_order=[7.3], commission_min=[11.9, 90.0]),
    ),
    "multiplier": _one(multiplier=[0.1, 50.0]),
    "margin": st.one_of(
        _one(margin=[0.53, 0.27], slot=[1.9, 3.7, None], max_weight=[4.0], max_gross=[5.0], financing_rate=[0.0, 0.17]),
        _one(margin=[0.53, 0.27], maintenance=[0.26, 0.11], slot=[3.7, None], max_weight=[4.0], max_gross=[5.0]),
    ),
    "carry": _one(borrow_rate=[0.31, 0.0, 9.0], financing_rate=[0.0, 0.17, 9.0]),
    "net": _one(max_net=[0.43, 0.0, 1.7]),
    "leverage": _one(max_leverage=[0.83, 0.31, 1.9]),
    "long_only": _one(long_only=[True]),
    "stop_atr": _one(stop_atr=[1.13, 0.37], atr_window=[2, 3]),
    "take_profit": _one(take_profit=[0.0173, 0.0731, 0.2519]),
    "trailing_stop": _one(trailing_stop=[0.0173, 0.0731, 0.2519]),
    "trailing_atr": _one(trailing_atr=[1.13, 0.37], atr_window=[2, 3]),
    "time_stop": _one(time_stop=[1, 2, 5]),
    "cool_down": _one(cool_down=[1, 2, 5], stop_loss=[0.0173, 0.0731]),
    "daily_loss": _one(daily_loss=[0.0173, 0.0731]),
    "max_drawdown": _one(max_drawdown=[0.0731, 0.2519]),
    "universe": _one(universe=["member"]),
    "drift_band": _one(drift_band=[0.0131, 0.0713]),
    "inverse_volatility": _one(sizing=["inverse_volatility"], sizing_window=[2, 3]),
    "volatility_target": _one(sizing=["volatility_target"], sizing_window=[2, 3], target_volatility=[0.11, 0.9]),
    "risk": _one(sizing=["risk"], sizing_window=[2, 3], risk_per_trade=[0.0113, 0.13], atr_multiple=[2.0, 0.7]),
    "cash": _one(sizing=["cash"], cash_per_trade=[3_000.0, 31_000.0]),
    "quantity": _one(sizing=["quantity"], quantity_per_trade=[31.0, 7.5, 700.0]),
    "splits": st.just({}),
    "dividends": st.just({}),
    "ends": st.just({}),
}
_NEEDED = {
    "volatility_target": "target_volatility",
    "risk": "risk_per_trade",
    "cash": "cash_per_trade",
    "quantity": "quantity_per_trade",
}
_STOPS = ("stop_atr", "take_profit", "trailing_stop", "trailing_atr")


def _numbered(draw: st.DrawFn, bars: int, steps: list[int]) -> list[int]:
    """A number for each bar that grows by one of `steps`."""
    found = [0]
    for step in draw(st.lists(st.sampled_from(steps), min_size=bars - 1, max_size=bars - 1)):
        found.append(found[-1] + step)
    return found


def _split(draw: st.DrawFn, market: dict[str, Any]) -> None:
    """Splits on some bars of a symbol: prices after them are in new units."""
    bars, symbols = len(market["close"]), len(market["close"][0])
    for _ in range(draw(st.integers(1, 3))):
        bar, s = draw(st.integers(0, bars - 1)), draw(st.integers(0, symbols - 1))
        ratio = draw(st.sampled_from([2.0, 0.5, 1.5, 3.0]))
        if market["close"][bar][s] is None or (bar, s, 0) in [action[:3] for action in market["actions"]]:
            continue
        market["actions"].append((bar, s, 0, ratio))
        for t in range(bar, bars):
            for name in ("open", "high", "low", "close"):
                if market[name][t][s] is not None:
                    market[name][t][s] = round(market[name][t][s] / ratio, 6)


def _pay(draw: st.DrawFn, market: dict[str, Any]) -> None:
    bars, symbols = len(market["close"]), len(market["close"][0])
    for _ in range(draw(st.integers(1, 3))):
        bar, s = draw(st.integers(0, bars - 1)), draw(st.integers(0, symbols - 1))
        if market["close"][bar][s] is not None:
            market["actions"].append((bar, s, 1, draw(st.sampled_from([0.37, 1.9]))))


def _end(draw: st.DrawFn, market: dict[str, Any]) -> None:
    """One symbol has no bar from some bar on; a bar that no symbol is left on gets one of the first."""
    bars, symbols = len(market["close"]), len(market["close"][0])
    if symbols == 1:
        return
    s = draw(st.integers(1, symbols - 1))
    own = [t for t in range(bars) if market["close"][t][s] is not None and t >= bars // 3]
    if not own or own[0] == bars - 1:
        return
    last = draw(st.sampled_from(own))
    if last == bars - 1 or any(all(market["close"][t][i] is None for i in range(symbols) if i != s) for t in own):
        return
    for t in range(last + 1, bars):
        for name in ("open", "high", "low", "close"):
            market[name][t][s] = None
    market["actions"] = [row for row in market["actions"] if row[1] != s or row[0] <= last]
    market["actions"].append((last + 1, s, 2, 0.0))


def _fitting(rules: dict[str, Any]) -> dict[str, Any]:
    """`rules` without what the stages refuse together."""
    if rules.get("entry", "market") != "market":
        rules.pop("fill", None)
    for sizing, needed in _NEEDED.items():
        if rules.get("sizing") != sizing:
            rules.pop(needed, None)
    if rules.get("sizing") in ("cash", "quantity", "risk"):
        rules["slot"] = None
    if rules.get("sizing") in ("cash", "quantity"):
        rules["drift_band"] = None
    return rules


@st.composite
def cases(draw: st.DrawFn, groups: tuple[str, ...] | None = None) -> dict[str, Any]:
    """The arguments of `trading.simulate`: defaults and a few groups of rules (`groups`: just these)."""
    market = draw(markets())
    bars, symbols = len(market["close"]), len(market["close"][0])
    strategies = draw(st.sampled_from([1, 1, 2, 3]))
    with_regimes = draw(st.booleans())
    obeyed = draw(rules(bars, strategies, with_regimes))
    if groups is None:
        groups = tuple(draw(st.lists(st.sampled_from(sorted(GROUPS)), max_size=4, unique=True)))
    for name in groups:
        obeyed |= draw(GROUPS[name])
    if {*_STOPS, "stop_loss"} & {name for name, value in obeyed.items() if value is not None}:
        obeyed |= draw(_one(stop_when=["close", "intrabar"], intrabar=["pessimistic", "optimistic"]))
    if obeyed.get("impact") or obeyed.get("participation"):
        volume = st.lists(st.sampled_from([900.0, 71.0, 0.0, 4e5]), min_size=symbols, max_size=symbols)
        market["volume"] = draw(st.lists(volume, min_size=bars, max_size=bars))
    if "carry" in groups:
        market["day"] = _numbered(draw, bars, [1, 3, 0] if draw(st.booleans()) else [1])
    if "daily_loss" in groups:
        market["session"] = _numbered(draw, bars, [0, 1])
    if "universe" in groups:
        row = st.lists(st.sampled_from([None, None, None, 1.0, 0.0, 1.0]), min_size=symbols, max_size=symbols)
        market["features"] = {"member": draw(st.lists(row, min_size=bars, max_size=bars))}
    market["actions"] = []
    for name, change in (("splits", _split), ("dividends", _pay), ("ends", _end)):
        if name in groups:
            change(draw, market)
    return {
        "market": market,
        "signals": [draw(signals(bars, symbols)) for _ in range(strategies)],
        "regimes": draw(labels(bars)) if with_regimes else None,
        "rules": _fitting(obeyed),
    }
