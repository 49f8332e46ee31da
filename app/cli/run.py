"""`bulkhead run`: an experiment in, a stored run out, with its progress on standard error."""

import sys
import time
import warnings
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any, Self

import typer

from app.cli.bundle import read_experiment, taken
from app.cli.common import (
    HomeOption,
    JsonOption,
    QueueOption,
    TrustOption,
    WorkersOption,
    console,
    open_home,
    print_json,
    say,
    terminable,
)  # fmt: skip
from engine.errors import InputError, nearest

if TYPE_CHECKING:
    from app.services.executing import Report
    from app.services.running import Prepared
    from db.store import Store

_BEST = 5
BACKENDS = ("loky", "sequential", "dask")
BackendOption = Annotated[
    str, typer.Option(metavar="NAME", help="loky (processes of this machine), sequential, or dask (a cluster).")
]
SchedulerOption = Annotated[
    str | None, typer.Option(metavar="ADDRESS", help="Of the Dask cluster: tcp://127.0.0.1:PORT or tls://HOST:PORT.")
]
#: The keys of `run --json`, in order.
KEYS = ("run", "containers", "done", "failed", "seconds", "startup_seconds", "digest")


def run(
    config: Annotated[
        str, typer.Argument(metavar="CONFIG", help="The experiment: a TOML file, a bundle, or - for standard input.")
    ],
    workers: WorkersOption = None,
    backend: BackendOption = "loky",
    scheduler: SchedulerOption = None,
    queue: QueueOption = False,
    trust: TrustOption = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run an experiment: expand its sweep, run every container sealed off, store all of it. Or a workflow's phases."""
    check_backend(backend, scheduler)
    text, bundle = read_experiment(config)
    opened = open_home(home)

    from app.services.workflow.schema import is_workflow
    from engine.config import load

    if is_workflow(load(text)):
        from app.cli import workflow

        if backend == "dask":
            raise InputError("--backend: the phases of a workflow run on this machine; leave --backend out")
        workflow.begin(opened, text, workers, trust, as_json, queue)
        return

    from app.services import running

    prepared = running.check(opened, text, trust) if bundle is None else taken(opened, bundle, trust)
    for line in prepared.warnings:
        say(f"warning: {line}")
    total = prepared.plan.containers
    count = workers or min(running.default_workers(), total)
    with opened.store() as store:
        run_id = running.create(store, prepared, count, backend)
        say(f"run {run_id}: {total} container{'' if total == 1 else 's'}")
        carry_out(store, prepared, run_id, as_json, Options(count, backend, scheduler, queue))


@dataclass(frozen=True, slots=True)
class Options:
    """How a run is carried out."""

    workers: int
    backend: str
    scheduler: str | None
    queued: bool
    take_over: bool = False


def carry_out(store: "Store", prepared: "Prepared", run_id: int, as_json: bool, options: Options) -> None:
    """Run what is not stored yet of a run, show how it goes and what came of it, and end with the exit code."""
    from app.services import executing

    warnings.filterwarnings("ignore", module="joblib")  # on Ctrl-C it counts what was not finished
    with terminable() as check:
        try:
            compiling()
            with progress_for(prepared.plan.containers) as progress:

                def told(done: int, failed: int, total: int) -> None:
                    check()
                    progress(done, failed, total)

                report = executing.execute(
                    store,
                    prepared,
                    run_id,
                    options.workers,
                    options.backend,
                    told,
                    scheduler=options.scheduler,
                    queued=options.queued,
                    take_over=options.take_over,
                )
        except KeyboardInterrupt:
            report = stopped(store, run_id)
    if report.error:
        say(report.error)
    if as_json:
        print_json({key: value for key, value in asdict(report).items() if key in KEYS})
    else:
        summary(store, report)
    raise typer.Exit(0 if report.done == report.containers and not report.error else 1)


def compiling() -> None:
    """Say that the first run of this version takes longer."""
    from engine.compiled import CACHE_FOLDER

    if not any(CACHE_FOLDER.glob("**/*.nbi")):
        say("compiling kernels: once for this version, about half a minute")


def check_backend(backend: str, scheduler: str | None) -> None:
    """Raise InputError for a backend that there is not, or an address that must not be used."""
    if backend not in BACKENDS:
        raise InputError(f"--backend: there is no '{backend}'; {nearest(backend, BACKENDS)}")
    if (backend == "dask") != (scheduler is not None):
        raise InputError("--scheduler ADDRESS goes with --backend dask, and --backend dask needs it")
    if scheduler is not None:
        from engine.parallel.cluster import check_address

        check_address(scheduler)


def stopped(store: "Store", run_id: int) -> "Report":
    """The report of a run that was stopped: what is committed stays."""
    from app.services.executing import Report

    run = store.run(run_id)
    if run.status == "queued":  # it had not begun
        with store.claim(run_id) as lease:
            store.finish(lease, "stopped")
        run = store.run(run_id)
    kept = run.done + run.failed
    say(f"stopped: {kept:,} of {run.containers:,} containers are kept in run {run_id}")
    seconds, startup = run.seconds or 0.0, run.startup_seconds or 0.0
    return Report(run_id, run.containers, run.done, run.containers - run.done, seconds, startup, run.digest, run.status)


def summary(store: "Store", report: "Report") -> None:
    """The best few, what failed and why, and what to do next."""
    from app.cli.tables import containers_table, failure_lines, generation_table, seconds

    out = console()
    took = (
        f" in {seconds(report.seconds)}, {report.containers / report.seconds:,.0f} a second"
        if report.seconds > 0
        else ""
    )
    ended = "" if report.status == "done" else f", {report.status}: 'bulkhead resume {report.run}' goes on"
    out.print(f"run {report.run}: {report.done:,} of {report.containers:,} done{took}{ended}")
    generated = store.progress(report.run).pattern == "signal_generation"
    best = store.containers(report.run, None if generated else "sharpe", top=_BEST, status="done")
    if generated and best:
        from app.services.signals import summaries

        out.print("signals:" if len(best) == report.done else f"signals, the first {len(best)}:")
        out.print(generation_table(best, summaries(store, report.run, [container.index for container in best])))
    elif best:
        out.print("best by sharpe:")
        out.print(containers_table(best, "sharpe", room=out.width))
    for line in failure_lines(store.failures(report.run), report.run):
        out.print(line, soft_wrap=True)
    if report.digest:
        out.print(f"digest {report.digest}")
    out.print("next:")
    out.print(f"  bulkhead show {report.run}" if generated else f"  bulkhead show {report.run} --sort sharpe")
    if best and generated:
        out.print(f"  bulkhead signals show {report.run}/{best[0].index}")
    elif best:
        out.print(f"  bulkhead container {report.run}/{best[0].index}")
    out.print("  bulkhead serve")


def progress_for(total: int) -> Any:
    """A context manager to be called with (done, failed, all): a bar on a terminal, else lines."""
    return _Bar(total) if sys.stderr.isatty() else _Lines()


class _Bar:
    """A progress bar on standard error: containers, rate, time to go, failures."""

    def __init__(self, total: int) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self.bar = Progress(
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[failures]}"),
            console=console(stderr=True),
        )
        self.task = self.bar.add_task("", total=total, rate="starting workers", failures="")
        self.started = 0.0

    def __enter__(self) -> Self:
        self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def __call__(self, done: int, failed: int, total: int) -> None:
        count, self.started = done + failed, self.started or time.monotonic()
        passed = time.monotonic() - self.started
        self.bar.update(
            self.task,
            completed=count,
            rate=f"{count / passed:,.0f}/s" if passed > 0.1 else "",
            failures=f"{failed:,} failed" if failed else "",
        )


class _Lines:
    """Progress as plain lines on standard error, at most one a second, and one at the end."""

    def __init__(self) -> None:
        self.started = self.last = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __call__(self, done: int, failed: int, total: int) -> None:
        count, now = done + failed, time.monotonic()
        self.started = self.started or now
        if now - self.last < 1.0 and count < total:
            return
        self.last = now
        passed = now - self.started
        pace = f", {count / passed:,.0f}/s, {(total - count) * passed / count:,.0f} s left" if passed > 0.1 else ""
        say(f"{count:,}/{total:,} containers, {failed:,} failed{pace}")
