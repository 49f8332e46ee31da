"""What must come out the same: shorts in a mirror, other names, splits instead of adjusted prices."""

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.market.actions import Action
from engine.market.market import ACTION, Market
from engine.outcome import run
from engine.projections.account import project
from engine.shared import Shared
from engine.spec import resolve
from tests.engine.small import plan_of, small_market
from tests.engine.trading import plain, run_case
from tests.oracle.cases import cases

Row = dict[str, Any]

#: What prices are mirrored at. A short gains below it what a long gains above.
MIRROR = 1_000.0


def mirrored(case: dict[str, Any]) -> dict[str, Any]:
    """The case with prices p as MIRROR − p and signals negated."""

    def over(rows: list[list[float | None]]) -> list[list[float | None]]:
        return [[None if price is None else MIRROR - price for price in row] for row in rows]

    market = case["market"]
    return case | {
        "market": {
            "open": over(market["open"]),
            "high": over(market["low"]),
            "low": over(market["high"]),
            "close": over(market["close"]),
        },
        "signals": [
            [[None if value is None else -value for value in row] for row in dense] for dense in case["signals"]
        ],
    }


@st.composite
def mirrorable(draw: st.DrawFn) -> dict[str, Any]:
    """Quantities, on credit, without costs, with the rules that count in money and bars: those that have a mirror."""
    case = draw(cases(groups=()))
    columns = case["market"]
    lowest = 0.1 * MIRROR
    for name, rows in columns.items():  # prices from 100 to 900
        columns[name] = [
            [None if price is None else lowest + 0.8 * MIRROR * price / (price + 100.0) for price in row]
            for row in rows
        ]
    rules = {name: case["rules"][name] for name in ("first_bar", "weights", "regime_scale", "lot_size", "rebalance")}
    rules |= {
        "initial_cash": 1e9,
        "margin": 0.1,
        "sizing": "quantity",
        "quantity_per_trade": 731.0,
        "max_weight": 100.0,
    }
    rules |= {
        "stop_atr": draw(st.sampled_from([None, 0.713, 2.31])),
        "trailing_atr": draw(st.sampled_from([None, 1.171, 3.07])),
        "atr_window": draw(st.sampled_from([2, 5])),
        "time_stop": draw(st.sampled_from([None, 3])),
        "cool_down": draw(st.sampled_from([0, 2])),
        "stop_when": draw(st.sampled_from(["close", "intrabar"])),
        "fill": draw(st.sampled_from(["next_open", "next_close", "same_close"])),
    }
    return case | {"rules": rules}


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(case=mirrorable())
def test_short_is_long_in_a_mirror(case: dict[str, Any]) -> None:
    first, cash = case["rules"]["first_bar"], case["rules"]["initial_cash"]
    here, long = run_case(case)
    there, short = run_case(mirrored(case))
    opposite = {"buy": "sell", "sell": "buy", None: "none"}

    def found(rows: list[Row], turned: bool) -> list[tuple[Any, ...]]:
        """What happened, bar by bar; the order of fills within a bar is that of sells and buys."""
        return sorted(
            (
                row["bar"],
                row["kind"],
                -1 if row["symbol"] is None else row["symbol"],
                str(row["reason"]),
                str(opposite[row["side"]] if turned else row["side"]).lower(),
                0.0 if row["quantity"] is None else round(row["quantity"], 6),
            )
            for row in rows
        )

    assert found(plain(long), turned=False) == found(plain(short), turned=True)
    mine, other = project(long, here.bars, first, cash), project(short, there.bars, first, cash)
    assert mine.equity.tolist() == pytest.approx(other.equity.tolist(), abs=1e-3)
    assert sorted(mine.trades["profit"]) == pytest.approx(sorted(other.trades["profit"]), abs=1e-3)


def outcomes(market: Market, *strategies: dict[str, Any], **sections: Any) -> Any:
    """The outcome of the only container of a plan."""
    shared = Shared(plan_of(*strategies, market=market, **sections))
    return run(resolve(shared, 0), shared)


STRATEGIES = [
    {"kind": "ma_cross", "fast": 3, "slow": 9, "long_only": False},
    {"kind": "donchian_breakout", "entry": 8, "exit": 4},
]
SECTIONS: dict[str, Any] = {
    "risk": {"stop_loss": 0.0731, "trailing_stop": 0.0917},
    "execution": {"commission_bps": 10.0, "slippage_bps": 2.0},
    "portfolio": {"rebalance": 17},
}


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda strategy: strategy["kind"])
def test_names_of_symbols_change_nothing(strategy: dict[str, Any]) -> None:
    market = small_market(symbols=3)
    columns = {name: getattr(market, name) for name in ("open", "high", "low", "close", "volume", "valid")}
    renamed = Market.from_columns(["Z9", "M", "A"], market.time, **columns, dataset="small")
    expected = outcomes(market, strategy, **SECTIONS)
    found = outcomes(renamed, strategy, **SECTIONS)
    assert repr(found.log.tolist()) == repr(expected.log.tolist())
    assert found.metrics.tobytes() == expected.metrics.tobytes()
    assert len(found.log) > 50


@settings(max_examples=30, deadline=None)
@given(
    strategy=st.sampled_from(STRATEGIES),
    seed=st.integers(0, 1_000),
    stop_when=st.sampled_from(["close", "intrabar"]),
    atr=st.sampled_from([{}, {"stop_atr": 2.13, "trailing_atr": 2.57}]),
    places=st.lists(
        st.tuples(st.integers(1, 299), st.integers(0, 1), st.sampled_from([2.0, 3.0, 0.1, 1.5, 7.0])), max_size=6
    ),
)
def test_raw_bars_with_splits_equal_adjusted_bars(
    strategy: dict[str, Any],
    seed: int,
    stop_when: str,
    atr: dict[str, float],
    places: list[tuple[int, int, float]],
) -> None:
    adjusted = small_market(seed=seed)
    factor = np.ones(adjusted.valid.shape)
    actions = {}
    for bar, s, ratio in places:
        own = np.flatnonzero(adjusted.valid[:, s])
        bar = int(own[own >= bar][0]) if (own >= bar).any() else int(own[-1])
        if (bar, s) not in actions and bar > own[0]:
            actions[bar, s] = (bar, s, int(Action.SPLIT), ratio)
            factor[bar:, s] *= ratio
    raw = Market.from_columns(
        adjusted.symbols,
        adjusted.time,
        *(getattr(adjusted, name) / factor for name in ("open", "high", "low", "close")),
        adjusted.volume * factor,
        valid=adjusted.valid,
        dataset="small",
        actions=np.array(sorted(actions.values()), ACTION),
    )
    sections = SECTIONS | {"risk": SECTIONS["risk"] | atr | {"stop_when": stop_when}}
    expected, found = outcomes(adjusted, strategy, **sections), outcomes(raw, strategy, **sections)
    cash = 100_000.0
    wanted = project(expected.log, adjusted.bars, 0, cash).equity
    np.testing.assert_allclose(project(found.log, raw.bars, 0, cash).equity, wanted, rtol=1e-12)
    assert len(np.unique(wanted)) > 20
