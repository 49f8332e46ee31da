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
            market["high"][t][s] = round(max(open_, price) * 1.01, 4)
            market["low"][t][s] = round(min(open_, price) * 0.99, 4)
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


@st.composite
def cases(draw: st.DrawFn) -> dict[str, Any]:
    """The arguments of `trading.simulate`."""
    market = draw(markets())
    bars, symbols = len(market["close"]), len(market["close"][0])
    strategies = draw(st.sampled_from([1, 1, 2, 3]))
    with_regimes = draw(st.booleans())
    return {
        "market": market,
        "signals": [draw(signals(bars, symbols)) for _ in range(strategies)],
        "regimes": draw(labels(bars)) if with_regimes else None,
        "rules": draw(rules(bars, strategies, with_regimes)),
    }
