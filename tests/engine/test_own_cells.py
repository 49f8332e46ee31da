"""Containers of own stages: loaded in their children alone; whatever a file does there, the right ones are named."""

import dataclasses
import sys

import numpy as np
import pytest

from engine.digest import digests
from engine.errors import StageError
from engine.indicators.request import Request
from engine.outcome import run
from engine.own.load import load, loaded
from engine.own.stages import OwnStages
from engine.parallel.block import Result
from engine.parallel.pool import Pool
from engine.plan import Plan
from engine.shared import Shared
from engine.spec import resolve
from tests.engine.own import own_of, sources
from tests.engine.small import plan_of

WAVE = """
import numpy as np
from numba import njit
from bulkhead import Field, Indicator, RandomStrategy, Strategy, indicator

@njit
def smooth(values, weight):
    found = values.copy()
    for i in range(1, len(values)):
        found[i] = weight * values[i] + (1.0 - weight) * found[i - 1]
    return found

class Smooth(Indicator):
    kind = "smooth"
    weight: float = Field(0.5, gt=0, le=1)
    def compute(self, market):
        found = np.full(market.close.shape, np.nan)
        for s in range(found.shape[1]):
            there = market.valid[:, s]
            found[there, s] = smooth(market.close[there, s], self.weight)
        return found

class Wave(Strategy):
    kind = "wave"
    weight: float = Field(0.5, gt=0, le=1)
    def indicators(self):
        return {"now": indicator(Smooth(weight=self.weight)), "then": indicator(Smooth(weight=self.weight), lag=2)}
    def signal(self, market, indicators, regimes):
        up = indicators["now"] > indicators["then"]
        return np.where(np.isnan(indicators["then"]), np.nan, np.where(up, 1.0, 0.0))

class Dice(RandomStrategy):
    kind = "dice"
    def random_signal(self, market, indicators, regimes, generators):
        return np.stack([generators[s].integers(0, 2, len(market.time)) for s in market.symbols], axis=1).astype(float)
"""


def results_of(plan: Plan, workers: int = 1) -> list[Result]:
    with Pool(plan, workers) as pool:
        found = [result for block in pool.blocks(range(plan.containers)) for result in block.results]
    return sorted(found, key=lambda result: result.index)


@pytest.fixture(scope="module")
def plan() -> Plan:
    return plan_of({"kind": "wave", "weight": [0.1, 0.5, 1.0]}, {"kind": "dice"}, own=own_of(wave=WAVE))


def test_one_digest_however_own_stages_are_run(plan: Plan) -> None:
    alone = results_of(plan)
    assert [result.status for result in alone] == ["done"] * 3, alone[0].error
    together = results_of(dataclasses.replace(plan, trusted=True), 2)
    assert [result.digest for result in together] == [result.digest for result in alone]
    here = Shared(plan, loaded(plan.own))
    stands = Shared(plan)
    for result in alone:
        assert result.spec_hash == resolve(stands, result.index).spec_hash == resolve(here, result.index).spec_hash
        assert result.digest == digests(run(resolve(here, result.index), here).log).log
    assert len({result.digest for result in alone}) == 3


def test_an_own_indicator_is_lagged_on_each_symbols_own_bars(plan: Plan) -> None:
    values = {request.text: found for request, found in plan.indicators[None].items()}
    now, then = values["smooth(weight=0.1)"], values["smooth(weight=0.1, lag=2)"]
    for s in range(2):
        there = plan.market.valid[:, s]
        assert np.isnan(now[~there, s]).all()
        np.testing.assert_array_equal(then[there, s][2:], now[there, s][:-2])
        assert np.isnan(then[there, s][:2]).all()
    np.testing.assert_array_equal(values["smooth(weight=1.0)"], plan.market.close)


def test_a_stand_in_answers_from_a_child_what_the_class_answers(plan: Plan) -> None:
    stands, here = Shared(plan), Shared(plan, loaded(plan.own))
    mine, real = resolve(stands, 0).strategies[0], resolve(here, 0).strategies[0]
    assert stands.requests(mine) == here.requests(real) == real.indicators()
    wanted = Request("smooth", (), (("weight", 0.25),), "", 0, mine.source_hash)
    np.testing.assert_array_equal(stands.hub.get(wanted), here.hub.get(wanted))


def broken(plan: Plan, text: str) -> Plan:
    """The plan with another text in the children than the one that was described."""
    own = OwnStages(sources(wave=text), plan.own.described)
    return dataclasses.replace(plan, own=own, limits=plan.limits.model_copy(update={"wall_seconds": 1.0}))


@pytest.mark.parametrize(
    ("text", "status", "words"),
    [
        ("x = 1\n1 / 0\n", "failed", "stages/wave.py:2: ZeroDivisionError: division by zero"),
        ("import os; os._exit(4)\n", "crashed", "its process exited with code 4, which nobody had asked for"),
        ("import sys; sys.exit(4)\n", "failed", "stages/wave.py:1: sys.exit(4) was called"),
        ("import time; time.sleep(1000)\n", "timed_out", "its process was not ready after 3 s: it takes too long"),
    ],
)
def test_a_file_that_fails_only_in_the_child_is_named(
    plan: Plan, text: str, status: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.parallel.cell.START", 3.0)
    for result, whole in zip(results_of(broken(plan, text)), results_of(plan), strict=True):
        assert result.status == status
        assert words in (result.error or "").splitlines()[-1]
        assert (result.params, len(result.spec_hash)) == (whole.params, 64)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("return market.close[1:]", "indicator 'smooth': compute() must return float64 (300, 2), not float64 (299, 2)"),
        ("return 3", "compute() must return float64 (300, 2), not int"),
        ("return {}[1]", "stages/wave.py:17: KeyError: 1"),
    ],
)
def test_an_indicator_that_fails_is_named_at_planning(body: str, words: str) -> None:
    text = WAVE.replace("    def compute(self, market):\n", f"    def compute(self, market):\n        {body}\n")
    with pytest.raises(StageError) as caught:
        plan_of({"kind": "wave"}, own=own_of(wave=text))
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_files_find_each_other_and_their_newest_text() -> None:
    files = sources(one="from two import LIMIT\nfrom bulkhead import *\nassert LIMIT == 3\n", two="LIMIT = 3\n")
    assert load(files, ["one", "two"]) == []
    assert {"one", "two"} <= sys.modules.keys()
    with pytest.raises(StageError, match="stages/one.py:3: AssertionError"):
        load((files[0], *sources(two="LIMIT = 4\n")), ["one"])
