"""Each stage alone, on batches made by hand, with results worked out by hand."""

import numpy as np
import pytest

from engine.classifiers.base import carried, regime_rows
from engine.classifiers.trend import TrendRegimes
from engine.classifiers.volatility import VolatilityRegimes, with_hysteresis
from engine.ensemble.combine import MOVE
from engine.ensemble.weights import Ensemble
from engine.errors import ConfigError, StageError
from engine.events import EVENT, Kind, empty_log
from engine.execution.rules import Execution
from engine.indicators.hub import Hub
from engine.indicators.request import indicator
from engine.market.market import Market
from engine.risk.portfolio import Portfolio
from engine.risk.sizing import size
from engine.risk.standard import Risk
from engine.steps import TargetBatch, classify, targets, trade, trading
from engine.strategies.bollinger_reversion import BollingerReversion
from engine.strategies.buy_and_hold import BuyAndHold
from engine.strategies.changes import signal_rows
from engine.strategies.donchian_breakout import DonchianBreakout
from engine.strategies.ma_cross import MaCross
from engine.strategies.rsi_reversion import RsiReversion

_DAY = 86_400 * 10**9
NAN = np.nan


def market(close: list[float], opens: list[float] | None = None) -> Market:
    values = np.array(close, dtype=float)
    start = values if opens is None else np.array(opens, dtype=float)
    times = np.arange(len(values)) * _DAY
    return Market.from_columns(["A"], times, start, np.fmax(start, values), np.fmin(start, values), values)


def column(*values: float) -> np.ndarray:
    return np.array(values, dtype=float)[:, None]


def flat(array: np.ndarray) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in array[:, 0]]


def signal_row(bar: int, value: float, symbol: int = 0, source: int = 5) -> np.ndarray:
    row = np.zeros(1, EVENT)
    row["bar"], row["value"], row["symbol"], row["source"] = bar, value, symbol, source
    row["kind"], row["cause"] = Kind.SIGNAL, -1
    return row


def test_ma_cross_on_hand_made_averages() -> None:
    bars = market([1, 1, NAN, 1, 1, 1, 1])
    values = {"fast": column(NAN, 1, NAN, 3, 3, 1, 2), "slow": column(2, 2, NAN, 2, 3, 3, 2)}
    # bar 1 has no earlier fast value; bar 3 crosses up over the missing bar 2; 4 touches; 5 is below a touch: down
    assert flat(MaCross().signal(bars, values, None)) == [None, None, None, 1.0, None, 0.0, None]
    both = MaCross(long_only=False).signal(bars, values, None)
    assert flat(both) == [None, None, None, 1.0, None, -1.0, None]
    state = MaCross(enter_on="state", long_only=False).signal(bars, values, None)
    assert flat(state) == [None, -1.0, None, 1.0, 0.0, -1.0, 0.0]


def test_buy_and_hold_says_one_on_every_own_bar() -> None:
    assert flat(BuyAndHold().signal(market([1, NAN, 2]), {}, None)) == [1.0, None, 1.0]


def test_rsi_reversion_enters_below_and_leaves_at_the_middle() -> None:
    values = {"rsi": column(NAN, 40, 29, 45, 50, 71, 69, 50, 28)}
    bars = market([1] * 9)
    assert flat(RsiReversion().signal(bars, values, None)) == [None, 0, 1, 1, 0, 0, 0, 0, 1]
    assert flat(RsiReversion(long_only=False).signal(bars, values, None)) == [None, 0, 1, 1, 0, -1, -1, 0, 1]


def test_bollinger_reversion_buys_below_the_band_until_the_middle() -> None:
    ones = column(*[1.0] * 6)
    values = {"lower": 9 * ones, "middle": 10 * ones, "upper": 11 * ones}
    bars = market([10, 8.9, 9.5, 10, 11.5, 10.5])
    assert flat(BollingerReversion().signal(bars, values, None)) == [0, 1, 1, 0, 0, 0]
    assert flat(BollingerReversion(long_only=False).signal(bars, values, None)) == [0, 1, 1, 0, -1, -1]


def test_donchian_breakout_looks_at_the_bars_before() -> None:
    stage = DonchianBreakout(entry=2, exit=2)
    bars = market([5, 6, 7, 6.5, 5.5, 8])
    hub = Hub(bars)
    values = {name: hub.get(request) for name, request in stage.indicators().items()}
    assert flat(values["high"]) == [None, None, 6, 7, 7, 6.5]
    assert flat(stage.signal(bars, values, None)) == [None, None, 1, 1, 0, 1]


def test_volatility_has_hysteresis() -> None:
    level = column(NAN, *[1.0] * 7)
    volatility = column(1, 1.2, 1.3, 1.1, 1.0, 0.9, 1.25, 1.26)
    assert with_hysteresis(volatility, level, 1.25, 1.0).tolist() == [-1, 0, 1, 1, 1, 0, 0, 1]
    assert VolatilityRegimes.regimes == ("calm", "turbulent")


def test_trend_labels_and_regime_events() -> None:
    stage = TrendRegimes(window=2, band=0.1)
    bars = market([10, 10, 14, NAN, 14, 10])
    # averages 10, 12, 14, 12 on own bars; 14 > 1.1 × 12; 14 = 14; 10 < 0.9 × 12
    batch = classify(stage, bars, Hub(bars), 0)
    assert batch.regimes.codes.tolist() == [-1, 2, 0, 0, 2, 1]
    assert [(row["bar"], row["reason"]) for row in batch.rows] == [(1, 2), (2, 0), (4, 2), (5, 1)]
    assert [(row["bar"], row["reason"]) for row in regime_rows(batch.regimes.codes, 3)] == [(3, 0), (4, 2), (5, 1)]


def test_labels_must_fit_the_protocol() -> None:
    with pytest.raises(StageError, match="must return int64"):
        carried(np.zeros(3), 3, TrendRegimes())
    with pytest.raises(StageError, match=r"codes must lie in −1\.\.2"):
        carried(np.array([0, 3]), 2, TrendRegimes())


def test_signals_are_logged_when_they_change() -> None:
    valid = np.array([[True], [True], [False], [True], [True], [True]])
    rows = signal_rows(column(0.5, NAN, -1.0, 0.5, 0.0, NAN), valid, 1, 6, "s")
    assert [(row["bar"], row["value"], row["source"]) for row in rows] == [(1, 0.5, 6), (4, 0.0, 6)]


@pytest.mark.parametrize("bad", [np.zeros((3, 2)), np.zeros((2, 1), np.float32), [[0.0], [0.0]], column(0, 1.1)])
def test_signals_must_fit_the_protocol(bad: np.ndarray) -> None:
    with pytest.raises(StageError):
        signal_rows(bad, np.ones((2, 1), bool), 0, 5, "s")


def test_targets_weigh_scale_and_cap() -> None:
    bars = Market.from_columns(["A", "B"], np.arange(3) * _DAY, *[np.ones((3, 2))] * 4)
    first = np.concatenate([signal_row(0, 1.0), signal_row(1, 1.0, symbol=1)])
    second = signal_row(1, -0.5, source=6)
    batch = targets(
        Ensemble(method="fixed", weights=[1.0, 0.4]),
        Risk(max_gross=1.0),
        size(Portfolio(slot=0.75), Risk(max_gross=1.0), bars, {}, 0),
        bars,
        empty_log(0),
        (),
        [first, second],
    )
    # bar 0: A 0.75 · 1 = 0.75. Bar 1: A 0.75 · (1 − 0.2) = 0.6, B 0.75; together 1.35, scaled by 1 / 1.35
    found = [
        (Kind(r["kind"]).name, r["bar"], r["symbol"], round(float(r["value"]), 12), r["cause"]) for r in batch.rows
    ]
    assert found == [
        ("SIGNAL", 0, 0, 1.0, -1),
        ("TARGET", 0, 0, 0.75, 0),
        ("SIGNAL", 1, 1, 1.0, -1),
        ("SIGNAL", 1, 0, -0.5, -1),
        ("TARGET", 1, 0, round(0.6 / 1.35, 12), 3),
        ("TARGET", 1, 1, round(0.75 / 1.35, 12), 2),
    ]


def test_trading_alone_an_all_in_buy_spends_cash_over_price_and_commission() -> None:
    target = np.zeros(1, EVENT)
    target["kind"], target["value"], target["cause"] = Kind.TARGET, 1.0, -1

    batch = TargetBatch(target, np.zeros(0, MOVE))
    bars = market([10, 11], opens=[10, 8])
    rules = trading(Risk(), Portfolio(), Execution(commission_bps=100), bars, bars, Hub(bars), 0)
    log = trade(batch, rules, bars, 0)
    fill = log[log["kind"] == Kind.FILL][0]
    assert fill["price"] == 8.0
    assert fill["quantity"] == pytest.approx(100_000 / (8 * 1.01), rel=1e-15)
    assert fill["commission"] == pytest.approx(100_000 / 1.01 * 0.01, rel=1e-12)


def test_weights_must_fit_strategies_and_regimes() -> None:
    by_regime = Ensemble(method="fixed", weights={"calm": [1.0, 0.0], "turbulent": [0.0, 1.0]})
    assert by_regime.matrix(2, ("calm", "turbulent")).tolist() == [[0.5, 0.5], [1.0, 0.0], [0.0, 1.0]]
    with pytest.raises(ConfigError, match="did you mean 'calm'"):
        Ensemble(method="fixed", weights={"clam": [1.0]}).matrix(1, ("calm",))
    with pytest.raises(ConfigError, match="'turbulent' has none"):
        Ensemble(method="fixed", weights={"calm": [1.0]}).matrix(1, ("calm", "turbulent"))


def test_indicators_of_indicators_lags_and_missing_bars() -> None:
    bars = market([1, 2, NAN, 4, 8, 16])
    hub = Hub(bars)
    change = indicator("ROCP", "close", timeperiod=1)
    assert flat(hub.get(change)) == [None, 1.0, None, 1.0, 1.0, 1.0]
    assert flat(hub.get(indicator("SMA", change, timeperiod=2, lag=1))) == [None, None, None, None, 1.0, 1.0]
    assert indicator("SMA", change, timeperiod=2, lag=1).text == "SMA(ROCP(close, timeperiod=1), timeperiod=2, lag=1)"
    assert indicator("BBANDS", "close", output="lowerband").output == "lowerband"


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: indicator("SMAA", "close"), "did you mean 'SMA'"),
        (lambda: indicator("SMA", "clos"), "did you mean 'close'"),
        (lambda: indicator("SMA", "close", timeperid=3), "did you mean 'timeperiod'"),
        (lambda: indicator("SMA", "close", lag=-1), "look ahead"),
        (lambda: indicator("BBANDS", "close", output="uper"), "upperband"),
        (lambda: indicator("ATR", "high"), "takes 3 inputs"),
    ],
)
def test_a_wrong_request_says_what_is_wrong(call: object, words: str) -> None:
    with pytest.raises(StageError, match=words):
        call()  # type: ignore[operator]
