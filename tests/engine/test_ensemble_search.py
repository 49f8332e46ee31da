"""Ensemble weights as a sweep: on a grid, drawn evenly, and by the volatility of the strategies' own signals."""

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from engine.container import Container
from engine.digest import Digests, digests
from engine.ensemble.inverse_volatility import inverse_volatility
from engine.ensemble.vectors import at_random, from_asked, on_grid
from engine.ensemble.weights import Ensemble
from engine.errors import ConfigError
from engine.events import EVENT, Kind
from engine.experiment import parse_experiment
from engine.market.market import Market
from engine.plan import Plan
from engine.shared import Shared
from engine.spec import resolve
from engine.stage import Regimes
from tests.engine.own import own_of
from tests.engine.small import experiment, plan_of, small_market

MA = {"kind": "ma_cross", "fast": 5, "slow": 20}
RSI = {"kind": "rsi_reversion", "window": 5}
HOLD = {"kind": "buy_and_hold"}
TELL = '''
from bulkhead import BarStrategy

class Tell(BarStrategy):
    """Says nothing."""

    kind = "tell"

    def on_bar(self, bar):
        return None
'''


def weights_of(plan: Plan) -> list[Any]:
    shared = Shared(plan)
    return [resolve(shared, index).params["ensemble.weights"] for index in range(plan.containers)]


@settings(deadline=None)
@given(st.integers(1, 4), st.sampled_from([1, 2, 3, 4, 5, 10]), st.booleans())
def test_a_grid_has_every_vector_once(strategies: int, parts: int, signed: bool) -> None:
    """Brute force: every vector of multiples of the step in the cube, those kept whose sizes sum to 1."""
    steps = range(-parts if signed else 0, parts + 1)
    expected = {
        tuple(part / parts for part in taken)
        for taken in product(steps, repeat=strategies)
        if sum(map(abs, taken)) == parts
    }
    found = [tuple(vector) for vector in on_grid(strategies, 1 / parts, signed, ("",))]
    assert len(found) == len(set(found)) and set(found) == expected


@given(st.integers(1, 5), st.integers(1, 40), st.booleans(), st.integers(0, 2**63 - 1))
def test_drawn_vectors_lie_on_the_simplex_and_begin_alike(k: int, samples: int, signed: bool, seed: int) -> None:
    found = np.array(at_random(k, samples, signed, ("",), seed))
    assert np.abs(found).sum(axis=1) == pytest.approx(1.0, abs=1e-12)
    assert signed or (found >= 0.0).all()
    assert len(np.unique(found, axis=0)) == len(found)
    more = at_random(k, samples + 5, signed, ("",), seed)
    assert np.array(more)[: len(found)].tolist() == found.tolist()


def test_draws_and_asked_numbers_are_even_on_the_simplex() -> None:
    """A weight of three drawn evenly has the distribution Beta(1, 2)."""
    drawn = np.array(at_random(3, 4000, False, ("",), 1))
    asked = from_asked(np.random.default_rng(2).uniform(size=(4000, 3)))
    signed = from_asked(np.random.default_rng(3).uniform(-1.0, 1.0, size=(4000, 3)))
    for vectors in (drawn, asked, np.abs(signed)):
        for weights in vectors.T:
            assert stats.kstest(weights, stats.beta(1, 2).cdf).pvalue > 1e-3
    assert abs((signed < 0.0).mean() - 0.5) < 0.02
    assert from_asked(np.zeros((1, 4))).tolist() == [[0.25] * 4]


def test_each_vector_is_a_container_as_if_it_stood_in_the_config() -> None:
    grid = plan_of(MA, RSI, ensemble={"method": "grid", "step": 0.5})
    assert weights_of(grid) == [[0.0, 1.0], [0.5, 0.5], [1.0, 0.0]]
    listed = plan_of(MA, RSI, ensemble={"method": "fixed", "weights": [[0.0, 1.0], [0.5, 0.5], [1.0, 0.0]]})
    for index in range(3):
        one, other = resolve(Shared(grid), index), resolve(Shared(listed), index)
        assert (one.spec_hash, one.params) == (other.spec_hash, other.params)
    assert grid.ranks.dtype == np.int64


def test_weights_are_swept_beside_everything_else() -> None:
    sections = {"classifier": {"kind": "trend"}, "risk": {"stop_loss": [0.1, 0.2]}}
    plan = plan_of({**MA, "fast": [3, 5]}, RSI, ensemble={"method": "random", "samples": 3}, **sections)
    assert plan.containers == 12
    assert weights_of(plan)[::2] == weights_of(plan)[1::2] and weights_of(plan)[:6] == weights_of(plan)[6:]
    by_regime = plan_of(
        MA, RSI, ensemble={"method": "grid", "step": 1.0, "by_regime": True}, classifier={"kind": "volatility"}
    )
    assert weights_of(by_regime) == [
        {"calm": one, "turbulent": other} for one, other in product([[0.0, 1.0], [1.0, 0.0]], repeat=2)
    ]


def test_branches_have_vectors_of_their_own() -> None:
    raw = experiment(
        {**MA, "book": "a"}, {**RSI, "book": "a"}, {**HOLD, "book": "b"}, ensemble={"method": "grid", "step": 0.25}
    )
    found = parse_experiment(raw)
    assert [branch.size for branch in found.sweep.branches] == [5, 1]


def test_a_point_is_found_again_by_its_params() -> None:
    raw = experiment(
        {**MA, "fast": [3, 5], "long_only": [True, False]},
        RSI,
        ensemble={"method": "random", "samples": 3, "by_regime": True},
        classifier=[{"name": "a", "kind": "trend"}, {"name": "b", "kind": "trend", "window": [30, 40]}],
        risk={"stop_loss": ["none", 0.1]},
    )
    sweep = parse_experiment(raw).sweep
    for rank in range(sweep.total):
        branch, picks = sweep.locate(rank)
        assert sweep.rank(branch.params(picks)) == rank
    with pytest.raises(ConfigError, match="has no point"):
        sweep.rank({"ma_cross.fast": 4})


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"method": "random"}, "needs samples"),
        ({"method": "grid", "samples": 3}, "samples goes with method = 'random' or 'tpe'"),
        ({"method": "random", "samples": 3, "step": 0.5}, "step goes with"),
        ({"method": "equal", "signed": True}, "signed goes with"),
        ({"method": "fixed", "weights": [0.5, 0.5], "by_regime": True}, "by_regime goes with"),
        ({"method": "grid", "weights": [0.5, 0.5]}, "weights go with"),
        ({"method": "grid", "step": 0.3}, "does not divide 1"),
        ({"method": "grid", "step": [0.5, 0.25]}, "step"),
        ({"method": "grid", "step": 0.000001}, "1,000,001 weight vectors"),
        ({"method": "random", "samples": 100_001}, "100,001 weight vectors"),
        ({"method": "grid", "by_regime": True}, "add a [classifier]"),
        ({"method": "inverse_volatility", "by_regime": True}, "add a [classifier]"),
        ({"method": ["equal", "grid"]}, "cannot be one of a list"),
        ({"method": "tpe"}, "needs samples"),
        ({"method": "tpe", "samples": 3, "objective": "sharp"}, "did you mean 'sharpe'?"),
        ({"method": "inverse_volatility", "signed": True}, "signed goes with"),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_refused_in_one_line(table: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_experiment(experiment(MA, RSI, ensemble=table))
    assert words in str(caught.value) and "\n" not in str(caught.value)


# inverse volatility


def signal_log(*rows: tuple[int, int, float]) -> np.ndarray:
    log = np.zeros(len(rows), EVENT)
    for row, (bar, symbol, value) in zip(log, rows, strict=True):
        row["bar"], row["symbol"], row["value"], row["kind"] = bar, symbol, value, Kind.SIGNAL
    return log


def hand_market(close: list[list[float]]) -> Market:
    values = np.array(close, dtype=float)
    times = np.arange(len(values)) * 86_400 * 10**9
    return Market.from_columns(["A", "B"], times, values, values, values, values)


def test_inverse_volatility_by_hand() -> None:
    """Returns of A: 0.1, −0.1, 0.1, of B: 0, 0.2, 0. Long A: half of A's; long B from bar 1 on: 0, 0.1, 0."""
    market = hand_market([[100, 50], [110, 50], [99, 60], [108.9, 60]])
    long_a, long_b = signal_log((0, 0, 1.0)), signal_log((1, 1, 1.0))
    found = inverse_volatility([long_a, long_b], market, None, 0, 4, False).weights
    first, second = np.std([0.05, -0.05, 0.05], ddof=1), np.std([0.0, 0.1, 0.0], ddof=1)
    assert first == pytest.approx(second)
    assert found == pytest.approx([0.5, 0.5])
    short = signal_log((0, 0, -0.5))
    assert inverse_volatility([long_a, short], market, None, 0, 4, False).weights == pytest.approx([1 / 3, 2 / 3])
    silent = signal_log()
    assert inverse_volatility([long_a, silent, short], market, None, 0, 4, False).weights == [1 / 3] * 3
    labels = Regimes(np.array([0, 0, 1, 1]), ("calm", "wild"))
    by_regime = inverse_volatility([long_a, short], market, labels, 0, 4, True).weights
    assert by_regime == {"calm": pytest.approx([1 / 3, 2 / 3]), "wild": [0.5, 0.5]}


def test_inverse_volatility_is_that_of_the_containers_own_signals() -> None:
    """The oracle: pandas, from the SIGNAL rows of the log that the container wrote."""
    import pandas as pd

    plan = plan_of(
        MA, RSI, HOLD, ensemble={"method": "inverse_volatility"}, data={"dataset": "small", "test_start": "1970-08-01"}
    )
    shared, market = Shared(plan), small_market()
    spec = resolve(shared, 0)
    container = Container(spec, shared)
    log = container.run()
    rows = log[log["kind"] == Kind.SIGNAL]
    close = pd.DataFrame(np.where(market.valid, market.close, np.nan))
    returns = (close / close.ffill().shift(1) - 1.0).where(close.notna())
    spreads = []
    for source in np.unique(rows["source"]):
        held = pd.DataFrame(np.nan, index=close.index, columns=close.columns)
        for row in rows[rows["source"] == source]:
            held.loc[row["bar"], row["symbol"]] = row["value"]
        stream = (held.ffill().fillna(0.0).shift(1) * returns).mean(axis=1)
        spreads.append(stream.iloc[1 : plan.test].std())
    expected = (1 / np.array(spreads)) / (1 / np.array(spreads)).sum()
    batches = [rows[rows["source"] == source] for source in np.unique(rows["source"])]
    assert plan.test == 212
    assert container._weights(batches, None).weights == pytest.approx(expected.tolist(), rel=1e-12)
    fixed = plan_of(
        MA, RSI, HOLD, ensemble={"method": "fixed", "weights": container._weights(batches, None).weights},
        data={"dataset": "small", "test_start": "1970-08-01"},
    )  # fmt: skip
    assert digests(Container(resolve(Shared(fixed), 0), Shared(fixed)).run()) == digests(log)


def held_out(market: Market, test: int, factor: float) -> Market:
    """The market with every bar from `test` on altered."""
    columns = [getattr(market, name).copy() for name in ("open", "high", "low", "close", "volume")]
    for column in columns:
        column[test:] *= factor
    return Market.from_columns(market.symbols, market.time, *columns, valid=market.valid, dataset="small")


@pytest.mark.parametrize("by_regime", [False, True])
def test_held_out_bars_change_no_weight(by_regime: bool) -> None:
    def weights(market: Market) -> tuple[Any, Digests]:
        plan = plan_of(
            MA, RSI, HOLD, market=market, ensemble={"method": "inverse_volatility", "by_regime": by_regime},
            classifier={"kind": "trend", "window": 10}, data={"dataset": "small", "test_start": "1970-08-01"},
        )  # fmt: skip
        shared = Shared(plan)
        container = Container(resolve(shared, 0), shared)
        log = container.run()
        known = [key for key in shared._results if key[0] == "weights"]
        return shared._results[known[0]][0].weights, digests(log[log["bar"] < plan.test])

    market = small_market()
    first, second = weights(market), weights(held_out(market, 212, 1.7))
    assert first == second
    assert first[0] != weights(held_out(market, 211, 1.7))[0]


def test_inverse_volatility_needs_signals_that_are_known_ahead() -> None:
    own = own_of(tell=TELL)
    raw = experiment(MA, {"kind": "tell"}, ensemble={"method": ["equal", "inverse_volatility"]})
    with pytest.raises(ConfigError, match="strategy 'tell' decides bar by bar"):
        parse_experiment(raw, own.registry)


def test_old_specs_keep_their_hash() -> None:
    """What other methods are told is no part of an equal or fixed ensemble."""
    assert Ensemble().decides() == {"method": "equal", "weights": None}
    assert Ensemble().values() == {"method": "equal", "weights": None}
    assert Ensemble(method="inverse_volatility").values() == {
        "method": "inverse_volatility",
        "weights": None,
        "by_regime": False,
    }
