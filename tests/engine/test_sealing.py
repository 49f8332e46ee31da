"""How a child is sealed off: what it starts, prints and is given, how it ends, and what the system may refuse it."""

import contextlib
import errno
import fcntl
import os
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import psutil
import pytest

from engine.market.market import frozen
from engine.parallel import orphans
from engine.parallel.block import Result
from engine.parallel.desk import Desk, ask_to_kill
from engine.parallel.pool import Pool
from engine.parallel.tasks import Parcel, forget, load
from engine.plan import Plan
from tests.engine.own import own_of
from tests.engine.small import plan_of, small_market

STAGE = """
import os, subprocess, sys
import numpy as np
from bulkhead import Field, Strategy, indicator

class Does(Strategy):
    kind = "does"
    what: str = Field("pass")
    def indicators(self):
        return {"a": indicator("SMA", "close", timeperiod=5)}
    def signal(self, market, indicators, regimes):
        exec(self.what)
        return np.full(market.valid.shape, 0.5)
"""


def doing(*what: str, sections: dict[str, Any] | None = None, **limits: object) -> Plan:
    limits = {"isolation": "batch", **limits}
    return plan_of({"kind": "does", "what": list(what)}, own=own_of(does=STAGE), limits=limits, **(sections or {}))


def results_of(plan: Plan) -> list[Result]:
    with Pool(plan, 1) as pool:
        found = [result for block in pool.blocks(range(plan.containers)) for result in block.results]
    return sorted(found, key=lambda result: result.index)


def test_what_the_last_container_of_a_child_has_started_ends_with_it(tmp_path: Path) -> None:
    note = tmp_path / "pids"
    start = (
        "p = subprocess.Popen(['sleep', '600'], start_new_session=True); "
        f"open({str(note)!r}, 'a').write(f'{{p.pid}}\\n')"
    )
    results = results_of(doing(*(f"{start} # {number}" for number in range(10)), isolation="container"))
    assert [result.status for result in results] == ["done"] * 10
    started = [int(line) for line in note.read_text().split()]
    assert len(started) == 10
    for pid in started:
        with contextlib.suppress(psutil.NoSuchProcess):
            psutil.Process(pid).wait(timeout=20)  # killed, it is there until its new parent has looked


def test_a_mark_is_of_one_child_alone() -> None:
    """A process that another child has started, of the same number on a machine seen from inside another container."""
    mine, other = orphans.new_mark(), orphans.new_mark()
    words = [sys.executable, "-c", f"from engine.parallel import orphans; orphans.lead({other}); print(); input()"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout and process.stdout.readline() == b"\n"
        with subprocess.Popen(["true"]) as ended:
            os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
            orphans.end(ended.pid, mine)
            assert process.poll() is None
            orphans.end(ended.pid, other)
            assert process.wait() == -9


def test_every_signal_has_words() -> None:
    real_time = "os.kill(os.getpid(), 40)"
    results = results_of(doing("pass", real_time, "os.kill(os.getpid(), 64)", isolation="container"))
    assert [result.status for result in results] == ["done", "crashed", "crashed"]
    assert "ended by signal 40 (SIGRTMIN+6)" in (results[1].error or "")
    assert "ended by signal 64 (SIGRTMAX)" in (results[2].error or "")


def test_the_last_words_are_told_and_belong_to_their_container() -> None:
    quiet, crash, fail = "print('mine alone', end='')", "print('last words'); os._exit(3)", "print('more'); 1 / 0"
    first, second, third = results_of(doing(quiet, crash, fail))
    assert first.status == "done"
    assert (second.error or "").splitlines() == [
        "last words",
        "its process exited with code 3, which nobody had asked for",
    ]
    assert third.status == "failed" and "mine alone" not in (third.error or "")


ARRAYS = ("market.close", "market.bars", "market.time", "indicators['a']", "regimes.codes")


@pytest.mark.parametrize("array", ARRAYS)
def test_no_stage_can_write_to_what_others_are_given(array: str) -> None:
    plan = doing(f"{array}.flags.writeable = True", sections={"classifier": {"kind": "trend"}})
    (result,) = results_of(plan)
    assert result.status == "failed" and "cannot set WRITEABLE flag to True" in (result.error or "")


def test_nor_to_a_plan_that_came_in_a_parcel() -> None:
    packed = BytesIO()
    joblib.dump(plan_of({"kind": "ma_cross", "fast": 3, "slow": 9}), packed)
    try:
        plan = load(Parcel("a digest", packed.getvalue(), "", {}))
        for array in (plan.market.close, plan.market.bars, *plan.indicators[None].values()):
            with pytest.raises(ValueError, match="cannot set WRITEABLE flag to True"):
                np.asarray(array).flags.writeable = True
        assert plan.market.close.tobytes() == small_market().close.tobytes()
    finally:
        forget()


def test_what_is_frozen_stays_so_without_another_copy() -> None:
    once = frozen(np.asfortranarray(np.arange(6.0).reshape(2, 3)))
    assert frozen(once) is once and frozen(once[1:]).base is not None
    assert once.tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]] and once.flags.c_contiguous
    assert frozen(np.empty((0, 3))).shape == (0, 3)


def test_it_goes_on_where_the_system_refuses_what_it_can_do_without(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user with no more room for pipes; a sandbox that knows no process descriptors."""
    real = fcntl.fcntl

    def no_larger(handle: int, command: int, *arguments: int) -> int:
        if command == fcntl.F_SETPIPE_SZ:
            raise PermissionError(errno.EPERM, "Operation not permitted")
        return int(real(handle, command, *arguments))

    def unknown(*_: int) -> int:
        raise OSError(errno.ENOSYS, "Function not implemented")

    plan = doing("pass", "os._exit(3)", "None")
    expected = [(result.status, result.digest) for result in results_of(plan)]
    monkeypatch.setattr(fcntl, "fcntl", no_larger)
    monkeypatch.setattr(os, "pidfd_open", unknown)
    assert [(result.status, result.digest) for result in results_of(plan)] == expected
    assert [status for status, _ in expected] == ["done", "crashed", "done"]


def test_what_cannot_be_forked_leaves_no_pipe_open(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> int:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    plan = doing("pass")
    before = len(os.listdir("/proc/self/fd"))
    monkeypatch.setattr(os, "fork", refused)
    with pytest.raises(BlockingIOError):
        results_of(plan)
    forget()
    assert len(os.listdir("/proc/self/fd")) <= before


def test_a_name_takes_none_of_a_containers_time() -> None:
    """What a container is called, another child says when its own has ended, however short its limits are."""
    (result,) = results_of(doing("os._exit(3)", wall_seconds=0.001))
    assert result.status in ("crashed", "timed_out") and "does.what" in result.params and result.spec_hash


def test_a_list_of_those_to_be_killed_is_read_anew_though_the_clock_has_not_moved(tmp_path: Path) -> None:
    with Desk(tmp_path) as desk:
        ask_to_kill(tmp_path, [3])
        os.utime(tmp_path / "kills", ns=(0, 0))
        assert desk.kills() == {3}
        ask_to_kill(tmp_path, [5])
        os.utime(tmp_path / "kills", ns=(0, 0))
        assert desk.kills() == {3, 5}
