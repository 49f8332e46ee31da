"""A cell: the supervisor of a batch of containers. It never runs a stage; it forks a child that does.

The child reports each container as it finishes. When it dies, hangs or outgrows its limit, the first container without
a report is the culprit; the rest goes on in a new child. A cell works the same wherever joblib runs it.
"""

import contextlib
import fcntl
import os
import resource
import select
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from engine.config import LimitsSection
from engine.parallel import child, orphans
from engine.parallel.block import Block
from engine.parallel.child import Told
from engine.parallel.desk import IDLE, Desk
from engine.parallel.ended import by_signal, has_ended
from engine.parallel.frames import WORD_BYTES, GarbledError, Reader
from engine.parallel.packer import Packer, Said
from engine.shared import Shared

_PRINTED = 2000
#: Room for the logs of some containers, so that a child need not wait for its cell after each.
_PIPE_BYTES = 1 << 20
#: How long a cell lets reports gather before it looks: woken by each, it would take the child's core every time.
_PAUSE = 0.002
#: How often a cell that waits looks at its child's clock; how far that may be over the limit before the cell acts,
#: seconds: the child's own timer comes first, unless a stage has taken it away.
_LOOK, _GRACE = 0.25, 0.5
#: Seconds that a child may take to be ready, to import the user's stages above all; no container's time.
START = 30.0
KILLED = "it was killed by request"
NO_DESK = Desk(None)
Give = Callable[[], Shared]


def run_cell(
    groups: Sequence[Sequence[int]],
    limits: LimitsSection,
    shared: Give,
    described: Give | None = None,
    desk: Desk = NO_DESK,
    own: bool = True,
) -> list[Block]:
    """Run groups of container indices, each in a child of its own, and return the results in blocks.

    After a while (`packer.HAND_OVER`) it returns what it has, so that slow containers are seen and stored as they end;
    a later cell runs the rest. `shared` gives what the containers need; it is called in the children. `described`: the
    same without the user's code (default: the same), enough to name a container that could not name itself. `desk`:
    where to note what runs now, and to look up what is to be killed. `own`: whether a user's code may run in them.
    """
    cell = _Cell(limits, shared, described or shared, Packer(), desk, own)
    for group in groups:
        left = list(group)
        while left:
            if cell.packer.due:
                return cell.packer.close()
            kills = desk.kills()
            if left[0] in kills:
                cell.kill(left.pop(0))
                continue
            alive = next((place for place, index in enumerate(left) if index in kills), len(left))
            stop = 1 if cell.alone else alive
            left = [*cell.run(left[:stop]), *left[stop:]]
    return cell.packer.close()


@dataclass
class _Watch:
    """What a cell knows of its child: how many containers are done, and of the one that runs now.

    describe: nothing is run, so that no limit of the user's holds.
    """

    describe: bool = False
    ready: bool = False
    done: int = 0
    cpu: float = 0.0
    peak: int = 0
    #: When the container that runs now had begun at the latest: on the wall, and on the child's clock.
    since: float = field(default_factory=time.perf_counter)
    spent: float = 0.0
    #: Why the cell ended the child: a status and a sentence.
    judged: tuple[str, str] | None = None
    #: What the child said last, when it was more than how a container ended.
    rest: bool = False
    broken: tuple[str, str] | None = None


@dataclass
class _Cell:
    limits: LimitsSection
    shared: Give
    described: Give
    packer: Packer
    desk: Desk
    own: bool
    #: A stage has left behind what cannot be undone: from then on each container gets a child of its own.
    alone: bool = False
    imports: list[str] = field(default_factory=list)

    def run(self, indices: list[int]) -> list[int]:
        """Fork a child for `indices`, take its reports, judge its end. Returns the containers still to run."""
        output = os.memfd_create("output", os.MFD_CLOEXEC)
        try:
            watch = _Watch()
            status, usage = self._fork(indices, self.shared, output, watch, self.packer)
            if watch.done == len(indices) or watch.rest:
                return indices[watch.done :]
            verdict, error = watch.broken or watch.judged or _verdict(status, self.limits)
            if watch.done and verdict == "crashed":
                return indices[watch.done :]  # what came before may be at fault: it is tried again, as the first
            used = (
                time.perf_counter() - watch.since,
                max(usage.ru_utime + usage.ru_stime - watch.cpu, 0.0),
                max(usage.ru_maxrss * 1024 - watch.peak, 0),
            )
            params, spec_hash = self._describe(indices[watch.done])
            text = error if verdict == "too_large" else f"{_tail(output)}\n{error}".strip()
            self.packer.add(indices[watch.done], Said(verdict, params, spec_hash, used, text, ()))
            return indices[watch.done + 1 :]
        finally:
            os.close(output)

    def kill(self, index: int) -> None:
        """Name a container that was to be killed before it began."""
        params, spec_hash = self._describe(index)
        self.packer.add(index, Said("killed", params, spec_hash, (0.0, 0.0, 0), KILLED, ()))

    def _describe(self, index: int) -> tuple[str, str]:
        """The parameters (JSON) and spec hash of a container that could not report them itself."""
        packer = Packer()
        output = os.memfd_create("output", os.MFD_CLOEXEC)
        try:
            self._fork([index], self.described, output, _Watch(describe=True), packer)
        finally:
            os.close(output)
        for result in packer.results:
            return result.params, result.spec_hash
        return "{}", ""

    def _fork(
        self, indices: list[int], shared: Give, output: int, watch: _Watch, packer: Packer
    ) -> tuple[int, resource.struct_rusage]:
        """Fork a child, hand each of its reports to `packer`, and wait for its end: its status, and what it used."""
        reader, writer = os.pipe2(os.O_CLOEXEC)
        word, parent, mark = os.urandom(WORD_BYTES), os.getpid(), orphans.new_mark()
        try:
            with contextlib.suppress(OSError):  # a user may have no more room for pipes: then it waits more often
                fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
            pid = os.fork()
        except OSError:
            os.close(reader)
            os.close(writer)
            raise
        if pid == 0:
            child.live(writer, word, output, parent, mark, indices, self.limits, shared, watch.describe, self.imports)
        os.close(writer)
        try:
            with _opened(pid) as process:
                self._follow(Reader(reader, word), pid, process, indices, watch, packer)
        finally:
            os.close(reader)
            self.desk.note(IDLE, 0)
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
            if self.own or watch.rest or watch.done < len(indices):
                orphans.end(pid, mark)
            _, status, usage = os.wait4(pid, 0)
        return status, usage

    def _follow(
        self, frames: Reader, pid: int, process: int | None, indices: list[int], watch: _Watch, packer: Packer
    ) -> None:
        """Take messages until the child has nothing more to say, has ended, or is to be ended."""
        poll = select.poll()
        poll.register(frames.pipe, select.POLLIN)
        if process is not None:
            poll.register(process, select.POLLIN)
        noted = -1
        while watch.done < len(indices) and not watch.rest and watch.broken is None:
            if noted != watch.done:
                noted = watch.done
                self.desk.note(indices[noted], pid)
            over = has_ended(pid)
            try:
                found = frames.take()
                for message, data in found:
                    self._heard(message, data, indices, watch, packer)
            except GarbledError:
                watch.judged = "crashed", "it wrote to a file descriptor that is not its own"
                return
            if found:
                watch.since, watch.spent = time.perf_counter(), _clock(pid)
                continue
            if over:
                return
            time.sleep(_PAUSE)
            if frames.ended:
                with contextlib.suppress(KeyError):
                    poll.unregister(frames.pipe)
            started = watch.ready and not watch.describe
            left = watch.since + (self.limits.wall_seconds if started else START) - time.perf_counter()
            if not poll.poll(1000 * max(min(left, _LOOK), 0.0)):
                if left <= 0:
                    watch.judged = "timed_out", child.late(self.limits) if started else _not_ready()
                elif watch.describe:
                    continue
                elif watch.ready and _clock(pid) - watch.spent > self.limits.cpu_seconds + _GRACE:
                    watch.judged = "timed_out", _no_time(self.limits)
                elif indices[watch.done] in self.desk.kills():
                    watch.judged = "killed", KILLED
                elif packer.due:
                    watch.rest = True
                if watch.judged or watch.rest:
                    return

    def _heard(
        self, message: tuple[object, ...], data: bytes, indices: list[int], watch: _Watch, packer: Packer
    ) -> None:
        kind, *told = message
        match kind:
            case Told.READY:
                watch.ready, watch.peak = True, int(str(told[0]))
            case Told.END:
                result = packer.add(indices[watch.done], Said(*told), data)  # type: ignore[arg-type]
                watch.done += 1
                watch.cpu += result.usage.cpu
            case Told.REST:
                watch.rest = True
                self.alone = self.alone or bool(told[0])
                self.imports += [name for name in told[2] if name not in self.imports]  # type: ignore[attr-defined]
            case Told.BROKEN:
                watch.broken = str(told[0]), str(told[1])


@contextlib.contextmanager
def _opened(pid: int) -> Iterator[int | None]:
    """A file descriptor that is readable once the child has ended; None where the system gives none (a sandbox)."""
    try:
        process = os.pidfd_open(pid)
    except OSError:
        yield None
        return
    try:
        yield process
    finally:
        os.close(process)


def _clock(pid: int) -> float:
    """CPU seconds that a process has used, all its threads together (clock_getcpuclockid(3))."""
    try:
        return time.clock_gettime((~pid) << 3 | 2)
    except OSError:
        return 0.0


def _not_ready() -> str:
    return f"its process was not ready after {START:g} s: it takes too long to import the stages"


def _no_time(limits: LimitsSection) -> str:
    return f"it used up cpu_seconds = {limits.cpu_seconds:g}; raise it under [limits] if it needs more"


def _verdict(status: int, limits: LimitsSection) -> tuple[str, str]:
    """Why a child ended without reporting: a container status, and a sentence."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number in (signal.SIGPROF, signal.SIGXCPU):
            return "timed_out", _no_time(limits)
        if number == signal.SIGXFSZ:
            return "too_large", child.too_much(limits)
        return "crashed", by_signal(number)
    code = os.WEXITSTATUS(status)
    if code == child.LOST:
        return "crashed", "it closed file descriptors that are not its own"
    return "crashed", f"its process exited with code {code}, which nobody had asked for"


def _tail(output: int) -> str:
    """The last of what a child printed."""
    size = os.fstat(output).st_size
    return os.pread(output, _PRINTED, max(size - _PRINTED, 0)).decode(errors="replace").strip()
