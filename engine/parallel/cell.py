"""A cell: the supervisor of a batch of containers. It never runs a stage; it forks a child that does.

The child reports each container as it finishes. When it dies, hangs or outgrows its limit, the first container without
a report is the culprit; the rest goes on in a new child. A cell works the same wherever joblib runs it.
"""

import fcntl
import os
import pickle
import resource
import signal
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe

import numpy as np
import numpy.typing as npt

from engine.config import LimitsSection
from engine.digest import digests
from engine.events import EVENT, empty_log
from engine.parallel import child
from engine.parallel.block import BLOCK_BYTES, BLOCK_CONTAINERS, SKETCH, Block, Result, Usage, encode
from engine.parallel.desk import IDLE, Desk
from engine.shared import Shared

_PRINTED = 2000
#: Room for the logs of some containers, so that a child need not wait for its cell after each.
_PIPE_BYTES = 1 << 20
#: How long a cell lets reports gather before it looks: woken by each, it would take the child's core every time.
_PAUSE = 0.002
#: How often it looks whether a container that takes long is to be killed, in seconds.
_GLANCE = 0.1
#: Seconds after which a cell hands over what it has.
HAND_OVER = 2.0
KILLED = "it was killed by request"
NO_DESK = Desk(None)
_NO_SKETCH = np.zeros(SKETCH, np.float32)
Entry = tuple[Result, npt.NDArray[np.void], npt.NDArray[np.float32]]


def run_cell(
    groups: Sequence[Sequence[int]],
    limits: LimitsSection,
    shared: Callable[[], Shared],
    described: Callable[[], Shared] | None = None,
    desk: Desk = NO_DESK,
) -> list[Block]:
    """Run groups of container indices, each in a child of its own, and return the results in blocks.

    After `HAND_OVER` seconds it returns what it has, so that slow containers are seen and stored as they end; a later
    cell runs the rest.
    `shared` gives what the containers need; it is called in the children. `described`: the same without the user's code
    (default: the same), enough to name a container that could not name itself. `desk`: where to note what runs now, and
    to look up what is to be killed.
    """
    packer = _Packer()
    for group in groups:
        left = list(group)
        while left:
            if packer.due:
                return packer.close()
            kills = desk.kills()
            if left[0] in kills:
                _add_killed(left.pop(0), limits, described or shared, packer)
                continue
            alive = next((place for place, index in enumerate(left) if index in kills), len(left))
            left = [*_run_child(left[:alive], limits, shared, described or shared, packer, desk), *left[alive:]]
    return packer.close()


def _add_killed(index: int, limits: LimitsSection, described: Callable[[], Shared], packer: "_Packer") -> None:
    """A container that was to be killed before it began."""
    params, spec_hash = _describe(index, limits, described)
    killed = Result(index, "killed", params, spec_hash, Usage(0.0, 0.0, 0), KILLED, row_start=packer.place(0))
    packer.add(killed, empty_log(0), _NO_SKETCH)


class _Packer:
    """Collects results into blocks and closes each before it outgrows its bounds."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.entries: list[Entry] = []
        self.rows = 0
        self._until = time.perf_counter() + HAND_OVER

    @property
    def due(self) -> bool:
        """Whether there is something to hand over, and it is time."""
        return bool(self.entries or self.blocks) and time.perf_counter() >= self._until

    def place(self, rows: int) -> int:
        """Where in its block a log of so many rows will begin; closes the block before, if it has no room."""
        full = len(self.entries) == BLOCK_CONTAINERS or (self.rows + rows) * EVENT.itemsize > BLOCK_BYTES
        if self.entries and full:
            self._flush()
        return self.rows

    def add(self, result: Result, log: npt.NDArray[np.void], sketch: npt.NDArray[np.float32]) -> None:
        """Take a result whose log was given its place."""
        self.entries.append((result, log, sketch))
        self.rows += len(log)

    def close(self) -> list[Block]:
        if self.entries:
            self._flush()
        return self.blocks

    def _flush(self) -> None:
        results, logs, sketches = zip(*self.entries, strict=True)
        self.blocks.append(encode(list(results), list(logs), np.stack(sketches)))
        self.entries, self.rows = [], 0


@dataclass
class _Watch:
    """What a cell knows of its child: how many containers are done, and of the one that runs now."""

    done: int = 0
    cpu: float = 0.0
    peak: int = 0
    since: float = 0.0
    late: bool = False
    killed: bool = False
    enough: bool = False

    @property
    def ended(self) -> bool:
        """Whether its child was ended by the cell."""
        return self.late or self.killed or self.enough


def _run_child(
    indices: list[int],
    limits: LimitsSection,
    shared: Callable[[], Shared],
    described: Callable[[], Shared],
    packer: _Packer,
    desk: Desk,
) -> list[int]:
    """Fork a child for `indices`, take its reports, judge its end. Returns the containers still to run."""
    with tempfile.TemporaryFile() as output:
        watch = _Watch(since=time.perf_counter())
        status, usage = _fork(indices, limits, shared, output.fileno(), watch, packer, desk)
        # one that ran out of memory is reported by its child, which then ends: the rest wants a fresh one
        if watch.done == len(indices) or watch.enough or (watch.done and status == 0 and not watch.ended):
            return indices[watch.done :]
        verdict, error = ("killed", KILLED) if watch.killed else _verdict(status, watch.late, limits)
        used = Usage(
            time.perf_counter() - watch.since,
            max(usage.ru_utime + usage.ru_stime - watch.cpu, 0.0),
            max(usage.ru_maxrss * 1024 - watch.peak, 0),
        )
        params, spec_hash = _describe(indices[watch.done], limits, described)
        text = f"{_tail(output.fileno())}\n{error}".strip()
        place = packer.place(0)
        culprit = Result(indices[watch.done], verdict, params, spec_hash, used, text, row_start=place)
        packer.add(culprit, empty_log(0), _NO_SKETCH)
        return indices[watch.done + 1 :]


def _fork(
    indices: list[int],
    limits: LimitsSection,
    shared: Callable[[], Shared],
    output: int,
    watch: _Watch,
    packer: _Packer,
    desk: Desk = NO_DESK,
    describe: bool = False,
) -> tuple[int, resource.struct_rusage]:
    """Fork a child, hand each of its reports to `packer`, and wait for its end: its status, and what it used."""
    reader, writer = Pipe(duplex=False)
    fcntl.fcntl(writer.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        reader.close()
        child.live(writer, output, parent, indices, limits, shared, describe)
    writer.close()
    ended = False
    try:
        _receive(reader, indices, limits, watch, packer, desk, pid)
        ended = not watch.ended
    finally:
        reader.close()
        desk.note(IDLE, 0)
        if not ended:
            os.kill(pid, signal.SIGKILL)
        _, status, usage = os.wait4(pid, 0)
    return status, usage


def _describe(index: int, limits: LimitsSection, shared: Callable[[], Shared]) -> tuple[str, str]:
    """The parameters (JSON) and spec hash of a container that could not report them itself."""
    packer = _Packer()
    with tempfile.TemporaryFile() as output:
        _fork([index], limits, shared, output.fileno(), _Watch(since=time.perf_counter()), packer, describe=True)
    for result, _, _ in packer.entries:
        return result.params, result.spec_hash
    return "{}", ""


def _receive(
    reader: Connection,
    indices: list[int],
    limits: LimitsSection,
    watch: _Watch,
    packer: _Packer,
    desk: Desk,
    pid: int,
) -> None:
    """Take messages until the child has no more (it ended, or closed its pipe), or one is late, or to be killed."""
    while True:
        if watch.done < len(indices):
            desk.note(indices[watch.done], pid)
        if not reader.poll(0):
            time.sleep(_PAUSE)
        while not reader.poll(min(max(watch.since + limits.wall_seconds - time.perf_counter(), 0.0), _GLANCE)):
            if time.perf_counter() >= watch.since + limits.wall_seconds:
                watch.late = True
                return
            if watch.done < len(indices) and indices[watch.done] in desk.kills():
                watch.killed = True
                return
            if packer.due:
                watch.enough = True
                return
        try:
            # from our own child, which has the same rights as we: failure is contained here, malice is not
            kind, *message = pickle.loads(reader.recv_bytes())  # noqa: S301
        except (EOFError, OSError):
            return
        if kind == child.READY:
            watch.peak = message[0]
        else:
            entry = _unpack(packer, indices[watch.done], *message)
            packer.add(*entry)
            watch.done += 1
            watch.cpu += entry[0].usage.cpu
        watch.since = time.perf_counter()


def _unpack(
    packer: _Packer,
    index: int,
    status: str,
    params: str,
    spec_hash: str,
    used: tuple[float, float, int],
    error: str | None,
    kept: tuple[bytes, bytes | None, bytes | None, bytes, str | None] | None,
) -> Entry:
    """A child's END message as a result, its log and its sketch."""
    if kept is None:
        result = Result(index, status, params, spec_hash, Usage(*used), error, row_start=packer.place(0))
        return result, empty_log(0), _NO_SKETCH
    log_bytes, metrics, test_metrics, sketch, report = kept
    log = np.frombuffer(log_bytes, EVENT)
    found = digests(log)
    result = Result(
        index,
        status,
        params,
        spec_hash,
        Usage(*used),
        error,
        digest=found.log,
        decisions_digest=found.decisions,
        fills_digest=found.fills,
        signals_digest=found.signals,
        metrics=None if metrics is None else np.frombuffer(metrics),
        test_metrics=None if test_metrics is None else np.frombuffer(test_metrics),
        row_start=packer.place(len(log)),
        row_count=len(log),
        report=report,
    )
    return result, log, np.frombuffer(sketch, np.float32)


def _verdict(status: int, late: bool, limits: LimitsSection) -> tuple[str, str]:
    """Why a child ended without reporting: a container status, and a sentence."""
    if late:
        return "timed_out", child.late(limits)
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number in (signal.SIGPROF, signal.SIGXCPU):
            return (
                "timed_out",
                f"it used up cpu_seconds = {limits.cpu_seconds:g}; raise it under [limits] if it needs more",
            )
        return "crashed", f"its process was ended by signal {number} ({signal.Signals(number).name})"
    code = os.WEXITSTATUS(status)
    if code == child.UNLOADABLE:
        return "failed", ""  # what it printed last says why
    if code == child.INTERNAL:
        return "internal_error", "its process failed outside of any stage"
    return "crashed", f"its process exited with code {code}, which nobody had asked for"


def _tail(output: int) -> str:
    """The last of what a child printed."""
    size = os.fstat(output).st_size
    return os.pread(output, _PRINTED, max(size - _PRINTED, 0)).decode(errors="replace").strip()
