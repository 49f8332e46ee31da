"""The Markov-switching classifier against statsmodels, and what its fits may know."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from statsmodels.tsa.regime_switching.markov_regression import MarkovRegression

from engine.classifiers import markov_fit
from engine.classifiers.hamilton import Parameters, hamilton
from engine.classifiers.markov_fit import fitted
from engine.classifiers.markov_switching import MarkovSwitchingRegimes
from engine.indicators.hub import Hub
from engine.market.market import Market

_DAY = 86_400 * 10**9
ROOT = Path(__file__).parents[2]


def switching(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Returns of a calm and a turbulent state, and the states."""
    generator = np.random.default_rng(seed)
    states = np.cumsum(generator.random(count) < 0.02) % 2
    return np.where(states, generator.normal(-0.002, 0.03, count), generator.normal(0.001, 0.007, count)), states


def statsmodels_vector(model: MarkovRegression, known: Parameters) -> np.ndarray:
    params = np.zeros(model.k_params)
    for i in range(model.k_regimes):
        params[model.parameters[i, "regime_transition"]] = known.transition[:-1, i]
        params[model.parameters[i, "exog"]] = known.mean[i]
    params[model.parameters["variance"]] = known.variance
    return params


def series(returns: np.ndarray) -> Market:
    close = 100.0 * np.cumprod(np.concatenate([[1.0], 1.0 + returns]))
    return Market.from_columns(["A"], np.arange(len(close)) * _DAY, close, close, close, close)


def labels(stage: MarkovSwitchingRegimes, returns: np.ndarray) -> np.ndarray:
    bars = series(returns)
    return stage.label(bars, {"returns": Hub(bars).get(stage.indicators()["returns"])})


@pytest.mark.parametrize("states", [2, 3])
@pytest.mark.parametrize("max_history", [None, 250])
def test_probabilities_are_those_that_statsmodels_filters(states: int, max_history: int | None) -> None:
    returns, _ = switching(520)
    stage = MarkovSwitchingRegimes(states=states, min_history=200, fit_every=100, max_history=max_history)
    found = dict(stage.filtered(returns))
    assert list(found) == [200, 300, 400, 500]
    for bar, probabilities in found.items():
        begin = max(0, bar - max_history) if max_history else 0
        known = fitted(returns[begin:bar], states)
        assert known is not None
        model = MarkovRegression(returns[begin : bar + 100], states, switching_variance=True)
        expected = model.filter(statsmodels_vector(model, known)).filtered_marginal_probabilities
        assert probabilities.shape == (min(100, 520 - bar), states)
        np.testing.assert_allclose(probabilities, expected[bar - begin :], rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("states", [2, 3])
def test_likelihood_and_slope_are_statsmodels(states: int) -> None:
    returns, _ = switching(300)
    ours = markov_fit._Model(returns / returns.std(), states, switching_variance=True)
    theirs = MarkovRegression(returns / returns.std(), states, switching_variance=True)
    generator = np.random.default_rng(1)
    for _ in range(10):
        params = ours.untransform_params(ours.begin()) + generator.normal(0.0, 0.2, ours.k_params)
        assert ours.loglike(params, transformed=False) == pytest.approx(theirs.loglike(params, transformed=False))
        expected = theirs.score(params, transformed=False)
        np.testing.assert_allclose(ours.score(params, transformed=False), expected, rtol=1e-7, atol=1e-8)


def test_a_fit_finds_at_least_what_statsmodels_finds() -> None:
    returns, states = switching(800)
    known = fitted(returns, 2)
    assert known is not None
    model = MarkovRegression(returns / returns.std(), 2, switching_variance=True)
    theirs = model.fit(em_iter=20, cov_type="none").llf - len(returns) * np.log(returns.std())
    assert hamilton(returns, *known)[1] >= theirs - 1e-4
    # and it is near to what a count of the hidden states gives
    for state in (0, 1):
        assert np.sqrt(known.variance[state]) == pytest.approx(returns[states == state].std(), rel=0.1)
        stayed = (states[1:] == state)[states[:-1] == state].mean()
        assert known.transition[state, state] == pytest.approx(stayed, abs=0.02)


def test_a_filter_by_hand() -> None:
    known = Parameters(np.zeros(2), np.array([1.0, 4.0]), np.array([[0.9, 0.2], [0.1, 0.8]]), np.array([0.5, 0.5]))
    filtered, total = hamilton(np.array([0.0, 2.0]), *known)
    # predicted 0.55, 0.45; densities at 0 as 2 to 1 → 1.10 to 0.45
    first = 1.10 / 1.55
    assert filtered[0] == pytest.approx([first, 1.0 - first])
    predicted = 0.9 * first + 0.2 * (1.0 - first)
    calm, wild = predicted * np.exp(-2.0), (1.0 - predicted) * np.exp(-0.5) / 2.0
    assert filtered[1] == pytest.approx([calm / (calm + wild), wild / (calm + wild)])
    assert total == pytest.approx(np.log(0.55 + 0.45 / 2.0) + np.log(calm + wild) - np.log(2.0 * np.pi))


def test_it_tells_calm_from_turbulent() -> None:
    returns, states = switching(1200)
    found = labels(MarkovSwitchingRegimes(min_history=300, fit_every=150), returns)
    assert (found[:301] == -1).all() and set(found[301:].tolist()) == {0, 2}
    assert (found[301:] == np.where(states[300:], 2, 0)).mean() > 0.9
    three = labels(MarkovSwitchingRegimes(states=3, min_history=300, fit_every=150), returns)
    assert set(three.tolist()) == {-1, 0, 1, 2}


def test_a_fit_sees_earlier_returns_only(monkeypatch: pytest.MonkeyPatch) -> None:
    returns, _ = switching(500)
    seen: list[np.ndarray] = []

    def watched(given: np.ndarray, states: int) -> Parameters | None:
        seen.append(given.copy())
        return fitted(given, states)

    stage = MarkovSwitchingRegimes(min_history=200, fit_every=100, max_history=250)
    monkeypatch.setattr(markov_fit, "fitted", watched)
    whole = dict(stage.filtered(returns))
    for given, (begin, end) in zip(seen, [(0, 200), (50, 300), (150, 400)], strict=True):
        np.testing.assert_array_equal(given, returns[begin:end])
    changed = returns.copy()
    changed[350:] *= -3.0
    later = dict(stage.filtered(changed))
    np.testing.assert_array_equal(later[200], whole[200])
    np.testing.assert_array_equal(later[300][:50], whole[300][:50])
    assert (later[300][50:] != whole[300][50:]).any()


def test_without_convergence_the_last_good_parameters_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    returns, _ = switching(500)
    good = fitted(returns[:300], 2)
    assert good is not None
    answers = iter([None, good, None])
    monkeypatch.setattr(markov_fit, "fitted", lambda given, states: next(answers))
    found = dict(MarkovSwitchingRegimes(min_history=200, fit_every=100).filtered(returns))
    assert list(found) == [300, 400]  # nothing before there are parameters
    for bar, probabilities in found.items():
        np.testing.assert_array_equal(probabilities, hamilton(returns[: bar + 100], *good)[0][bar:])


def test_what_has_no_maximum_gives_no_parameters() -> None:
    assert fitted(np.zeros(100), 2) is None
    still = np.zeros(400)
    still[::40] = 0.01  # a state without variance: the likelihood has no bound
    assert fitted(still, 2) is None


def test_a_short_history_has_no_label() -> None:
    assert (labels(MarkovSwitchingRegimes(min_history=200), switching(200)[0]) == -1).all()


def test_only_a_run_that_names_it_loads_statsmodels() -> None:
    lines = [
        "import sys",
        "from engine.parallel.pool import Pool",
        "from tests.engine.small import plan_of",
        "for kind in ('none', 'volatility', 'markov_switching'):",
        "    with Pool(plan_of({'kind': 'buy_and_hold'}, classifier={'kind': kind}), workers=1):",
        "        print('statsmodels' in sys.modules)",
    ]
    found = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, cwd=ROOT)
    assert found.stdout.split() == ["False", "False", "True"], found.stderr
