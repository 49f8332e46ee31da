"""Workers of a Dask cluster, through joblib's own backend: the same cells, on machines that others started.

joblib waits for ever for a task that Dask gives up, and for a scheduler that is gone. So the waiting is done here, with
a deadline: what is not back by then, or can never come back, is lost, and the pool runs it again.
"""

import contextlib
import hashlib
import ipaddress
import queue
import threading
import time
from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import joblib

from engine.errors import InputError, WorkersLost
from engine.fingerprint import engine_version, platform_facts
from engine.parallel.block import Block
from engine.parallel.cell import START
from engine.parallel.packer import HAND_OVER
from engine.parallel.tasks import Parcel, Task, cell_elsewhere
from engine.plan import Plan

#: Seconds to reach the scheduler and one worker.
_PATIENCE = 10.0
#: Seconds beyond what a cell may take until something is back: on the way, and to compile the kernels.
GRACE = 60.0
_GLANCE = 0.2
_END: Any = object()


def patience(wall_seconds: float) -> float:
    """Seconds until a cluster that works has sent something: a cell hands over what it has once it has something, and
    before that a container may use up its time, twice when the first try was behind others."""
    return GRACE + HAND_OVER + 2 * (START + wall_seconds)


def check_address(address: str) -> str:
    """The address, when what is sent to it cannot be read or taken over on the way. Raises InputError.

    tls://HOST:PORT anywhere; tcp:// only on this machine.
    """
    text = address if "://" in address else f"tcp://{address}"
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port, parts = "", None, urlsplit("")
    if not host or port is None or parts.scheme not in ("tcp", "tls"):
        raise InputError(f"--scheduler {address!r} is no address; write tcp://127.0.0.1:8786 or tls://HOST:PORT")
    if parts.scheme == "tcp" and not _loopback(host):
        raise InputError(
            f"--scheduler {address}: without TLS only a scheduler on this machine is used, or anybody on the way could "
            "run code in its workers; start it with certificates and write tls://"
        )
    return text


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _backend(client: Any, parcel: Parcel) -> Any:
    """joblib's backend for Dask, which sends `parcel` to every worker before any task."""
    from joblib._dask import DaskDistributedBackend

    class Backend(DaskDistributedBackend):  # type: ignore[misc]
        """As it is, but for a cluster that has come down to one worker: joblib would use none, and run all here."""

        def effective_n_jobs(self, n_jobs: int) -> int:
            return max(int(super().effective_n_jobs(n_jobs)), 2)

    return Backend(client=client, scatter=[parcel])


class Cluster:
    """The workers of a cluster, made ready for one plan. A context manager. Raises InputError when there are none."""

    def __init__(self, plan: Plan, scheduler: str) -> None:
        self.plan = plan
        self.address = check_address(scheduler)
        self.workers = 1
        packed = BytesIO()
        joblib.dump(plan, packed)
        data = packed.getvalue()
        self._parcel = Parcel(hashlib.sha256(data).hexdigest(), data, engine_version(), platform_facts())
        self._client: Any = None

    def __enter__(self) -> "Cluster":
        try:
            import distributed
        except ImportError:
            raise InputError("--backend dask needs Dask: pip install 'bulkhead[cluster]'") from None
        try:
            connect: Any = distributed.Client  # Dask has no types
            client = connect(self.address, timeout=_PATIENCE, set_as_default=False)
            self._client = client
            client.wait_for_workers(1, timeout=_PATIENCE)
        except (OSError, ValueError, RuntimeError, distributed.TimeoutError) as error:
            self.__exit__()
            raise InputError(
                f"--scheduler {self.address} cannot be used: {error or type(error).__name__}; "
                "see that it runs, with at least one worker"
            ) from None
        self.workers = max(sum(self._client.ncores().values()), 1)
        return self

    def __exit__(self, *_: object) -> None:
        if self._client is not None:
            with contextlib.suppress(Exception):  # a scheduler that is gone needs no goodbye
                self._client.close(timeout=2)
            self._client = None

    def cells(self, batches: Iterable[Task]) -> Iterator[list[Block]]:
        """Run the batches; yields the blocks of each as it is finished.

        Raises WorkersLost when something can never come back, or nothing is back in time (`patience`), InputError when
        a worker cannot be used.
        """
        tasks, longest = list(batches), patience(self.plan.limits.wall_seconds)
        if self._client is None or self._client.status != "running":
            self.__exit__()
            self.__enter__()
        self._await_worker()
        found: queue.SimpleQueue[Any] = queue.SimpleQueue()
        threading.Thread(target=self._run, args=(tasks, found), name="cluster", daemon=True).start()
        left, deadline = len(tasks), time.monotonic() + longest
        try:
            while left:
                try:
                    got = found.get(timeout=_GLANCE)
                except queue.Empty:
                    self._judge(deadline)
                    continue
                if isinstance(got, InputError):
                    raise got
                if isinstance(got, BaseException):
                    raise WorkersLost(str(got) or type(got).__name__) from got
                left -= 1
                deadline = time.monotonic() + longest
                yield got
        finally:
            if left:  # what is still under way belongs to nobody any more
                self.__exit__()

    def _await_worker(self) -> None:
        """Wait until there is one: where all have been lost, others may be starting in their place."""
        try:
            self._client.wait_for_workers(1, timeout=_PATIENCE)
        except OSError as error:
            raise WorkersLost(f"the scheduler at {self.address} has no worker") from error

    def _run(self, tasks: list[Task], found: "queue.SimpleQueue[Any]") -> None:
        """Hand the tasks to joblib; what comes back, or the error that ends it, goes to `found`."""
        try:
            with joblib.parallel_config(backend=_backend(self._client, self._parcel)):
                parallel = joblib.Parallel(return_as="generator_unordered", batch_size=1, pre_dispatch="all")
                for blocks in parallel(joblib.delayed(cell_elsewhere)(self._parcel, task) for task in tasks):
                    found.put(blocks)
        except BaseException as error:
            found.put(error)

    def _judge(self, deadline: float) -> None:
        """Raise WorkersLost when waiting longer makes no sense."""
        client = self._client
        if client is None or client.status != "running":
            raise WorkersLost(f"the scheduler at {self.address} is gone")
        given_up = [future for future in client.futures.values() if future.status in ("error", "lost", "cancelled")]
        if given_up:
            raise WorkersLost("the cluster gave up a batch, after its workers had been lost several times")
        if time.monotonic() > deadline:
            raise WorkersLost("a batch is not back in time")
