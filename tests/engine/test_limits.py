"""Limits: each end has its verdict, the culprit alone is blamed, and nothing of it outlives its child."""

import os
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from engine.digest import digests
from engine.outcome import run
from engine.own.load import loaded
from engine.parallel import child
from engine.parallel.block import Result
from engine.parallel.pool import Pool
from engine.plan import Plan
from engine.shared import Shared
from engine.spec import resolve
from tests.engine.own import POISON, own_of
from tests.engine.small import plan_of

VERDICTS = {
    "segfault": ("crashed", "SIGSEGV"),
    "abort": ("crashed", "SIGABRT"),
    "exit": ("crashed", "exited with code 3"),
    "exit_0": ("crashed", "exited with code 0"),
    "sys_exit": ("failed", "sys.exit(4)"),
    "loop": ("timed_out", "raise it under [limits]"),
    "sleep": ("timed_out", "wall_seconds = 5"),
    "hog": ("out_of_memory", "memory_mb = 200"),
    "much_output": ("too_large", "max_output_mb = 1"),
    "much_output_unheard": ("too_large", "max_output_mb = 1"),
    "big_file": ("too_large", "max_output_mb = 1"),
    "thread": ("done", ""),
    "fork": ("done", ""),
    "fork_asleep": ("done", ""),
    "daemon": ("crashed", "SIGABRT"),
    "alarm": ("done", ""),
    "close_all": ("crashed", "closed file descriptors"),
    "close_all_and_loop": ("timed_out", "raise it under [limits]"),
    "garbage": ("crashed", "wrote to a file descriptor"),
    "garbage_on_streams": ("done", ""),
    "kill_parent": ("failed", "PermissionError"),
    "kill_all": ("failed", "PermissionError"),
    "raise_limit": ("out_of_memory", "memory_mb = 200"),
    "deaf_loop": ("timed_out", "raise it under [limits]"),
    "stop": ("timed_out", "wall_seconds = 5"),
    "interrupt": ("failed", "KeyboardInterrupt"),
    "own_base_error": ("failed", "Odd: odd"),
}
OF_POISON = ("segfault", "abort", "exit", "sys_exit", "loop", "sleep", "hog")
LIMITS = {"wall_seconds": 5, "cpu_seconds": 1, "memory_mb": 200, "max_output_mb": 1}


def results_of(plan: Plan, workers: int = 1, order: list[int] | None = None) -> dict[int, Result]:
    with Pool(plan, workers) as pool:
        found = [result for block in pool.blocks(order or range(plan.containers)) for result in block.results]
    assert Counter(result.index for result in found) == Counter(range(plan.containers))
    return {result.index: result for result in found}


def table(mode: str, windows: list[int], note: Path | str = "") -> dict[str, Any]:
    kind = "poison" if mode in OF_POISON else "rogue"
    own = {} if kind == "poison" else {"note": str(note)}
    return {"book": mode, "kind": kind, "mode": mode, "window": windows, **own}


def test_only_the_culprits_of_a_batch_are_blamed(tmp_path: Path) -> None:
    innocent = 92
    tables = [table("fine", list(range(innocent)))]
    tables += [table(mode, [1], tmp_path / mode) for mode in VERDICTS]
    plan = plan_of(*tables, own=POISON, limits={**LIMITS, "isolation": "batch"})
    here = Shared(plan, loaded(plan.own))
    expected = {index: digests(run(resolve(here, index), here).log).log for index in range(innocent)}
    assert len(set(expected.values())) == innocent
    order = list(range(plan.containers))
    random.Random(1).shuffle(order)
    results = results_of(plan, 2, order)
    for index, result in results.items():
        if index in expected:
            assert (result.status, result.digest) == ("done", expected[index]), result.error
        else:
            mode = list(VERDICTS)[index - innocent]
            status, words = VERDICTS[mode]
            assert result.status == status, (mode, result.error)
            assert words in (result.error or ""), mode
            assert (result.digest is None) == (status != "done")
    for note in (tmp_path / "fork_asleep", tmp_path / "daemon"):
        assert not running(int(note.read_text())), note


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("mode", ["thread", "close_all", "garbage", "fork_asleep", "stop", "exit_0"])
def test_a_container_alone_has_the_verdict_it_has_among_others(tmp_path: Path, mode: str) -> None:
    plan = plan_of(table(mode, [1], tmp_path / mode), own=POISON, limits={**LIMITS, "isolation": "container"})
    result = results_of(plan)[0]
    assert (result.status, VERDICTS[mode][1] in (result.error or "")) == (VERDICTS[mode][0], True)


def test_the_words_of_one_container_are_not_taken_for_anothers() -> None:
    text = SPEAKS.replace("LOUD", "print(f'these are the words of {self.window}', flush=True)")
    plan = plan_of(
        {"kind": "speaks", "window": [1, 2, 3]}, own=own_of(speaks=text), limits={**LIMITS, "isolation": "batch"}
    )
    results = results_of(plan)
    assert [results[index].status for index in range(3)] == ["done", "done", "crashed"]
    assert "words of 3" in (results[2].error or "") and "words of 2" not in (results[2].error or "")


SPEAKS = """
import os
from bulkhead import Field, Strategy
import numpy as np

class Speaks(Strategy):
    kind = "speaks"
    window: int = Field(1, ge=0)
    def signal(self, market, indicators, regimes):
        LOUD
        if self.window == 3:
            os._exit(3)
        signals = np.zeros(market.valid.shape)
        signals[self.window:] = 1.0
        return signals
"""


def test_output_within_the_limit_adds_up_over_a_batch() -> None:
    text = SPEAKS.replace("LOUD", "print('x' * 700_000, flush=True)")
    plan = plan_of(
        {"kind": "speaks", "window": [0, 1, 2]}, own=own_of(speaks=text), limits={**LIMITS, "isolation": "batch"}
    )
    assert [result.status for result in results_of(plan).values()] == ["done"] * 3


def test_a_log_of_too_many_rows_is_too_large() -> None:
    strategy = {"kind": "ma_cross", "fast": [3, 5, 40], "slow": 50, "enter_on": "state"}
    rows = [result.row_count for result in results_of(plan_of(strategy)).values()]
    most = sorted(rows)[1]
    assert len(set(rows)) == 3
    for index, result in results_of(plan_of(strategy, limits={"max_events": most})).items():
        assert result.status == ("done" if rows[index] <= most else "too_large")
        if rows[index] > most:
            words = f"its log has {rows[index]} rows, more than max_events = {most}; raise it under [limits]"
            assert result.error == words and result.digest is None


@pytest.mark.parametrize("own", [False, True])
def test_a_fault_of_ours_is_an_internal_error(monkeypatch: pytest.MonkeyPatch, own: bool) -> None:
    whole = child.run

    def broken(spec: Any, shared: Shared) -> Any:
        if spec.strategies[0].window == 2:
            raise ZeroDivisionError("ours")
        return whole(spec, shared)

    monkeypatch.setattr(child, "run", broken)  # the child is forked from this process
    strategy = table("fine", [1, 2, 3]) if own else {"kind": "rsi_reversion", "window": [3, 2, 4]}
    results = results_of(plan_of(strategy, own=POISON, limits={**LIMITS, "isolation": "batch"}))
    assert [results[index].status for index in range(3)] == ["done", "internal_error", "done"]
    error = results[1].error or ""
    assert error.startswith("Traceback") and error.endswith("ZeroDivisionError: ours") and "in broken" in error


def test_a_child_that_cannot_begin_is_an_internal_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> int:
        raise ZeroDivisionError("ours")

    monkeypatch.setattr(child, "peak_bytes", broken)
    results = results_of(plan_of({"kind": "ma_cross", "fast": 3, "slow": 20}))
    assert results[0].status == "internal_error" and (results[0].error or "").endswith("ZeroDivisionError: ours")
    assert results[0].params == "{}"


@pytest.mark.parametrize("told", ["None", "3", "'x'", "object()", "[[1.0]]", "np.array([[None]])", "np.empty((0, 0))"])
def test_what_a_stage_returns_is_never_a_fault_of_ours(told: str) -> None:
    for text in (RETURNS, ON_BAR, LABELS):
        sections = {"classifier": {"kind": "odd"}} if text is LABELS else {}
        strategy = {"kind": "buy_and_hold"} if text is LABELS else {"kind": "odd"}
        plan = plan_of(strategy, own=own_of(odd=text.replace("TOLD", told)), **sections)
        result = results_of(plan)[0]
        assert result.status == ("done" if text is ON_BAR and told == "None" else "failed"), result.error


RETURNS = """
import numpy as np
from bulkhead import Strategy

class Odd(Strategy):
    kind = "odd"
    def signal(self, market, indicators, regimes):
        return TOLD
"""
ON_BAR = """
import numpy as np
from bulkhead import BarStrategy

class Odd(BarStrategy):
    kind = "odd"
    def on_bar(self, bar):
        return TOLD
"""
LABELS = """
import numpy as np
from bulkhead import Classifier

class Odd(Classifier):
    kind = "odd"
    regimes = ("a", "b")
    def label(self, market, indicators):
        return TOLD
"""


def test_a_stage_cannot_reach_the_files_of_the_process_it_was_forked_from(tmp_path: Path) -> None:
    held = os.open(tmp_path / "held", os.O_RDWR | os.O_CREAT)
    try:
        plan = plan_of(table("garbage", [1, 2]), own=POISON, limits={**LIMITS, "isolation": "batch"})
        results_of(plan)
        assert os.fstat(held).st_size == 0
    finally:
        os.close(held)
