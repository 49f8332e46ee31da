"""The runs of a phase: one that is stored is found, one that broke off goes on, what is missing is made.

Runs of a phase are known by their config: it decides all that a run does.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from app.services import executing, resuming, running
from app.services.home import Home
from app.services.running import Prepared
from app.services.workflow import configs
from db.store import Run, Store
from engine.errors import ConfigError
from engine.fingerprint import engine_version, fingerprint
from engine.own.stages import OwnStages

#: Worker processes take longer to start than this many seconds of containers take to run.
_WORTH_WORKERS = 2.0
#: What a container of one symbol and so many bars takes, in seconds, stored.
_SECONDS, _BARS = 2e-4, 5000
#: Called with a line for people.
Say = Callable[[str], None]
#: Gives, for a run of so many containers, a context manager that is called with (done, failed, all).
Progresses = Callable[[int], AbstractContextManager[Any]]


@dataclass(frozen=True)
class Maker:
    """Makes the runs of one phase of a workflow. `after`: its earlier runs, up to this id, are no longer taken;
    `queued`: each waits in the queue first."""

    home: Home
    store: Store
    workflow: int
    phase: str
    after: int
    workers: int
    say: Say
    progresses: Progresses
    trust: bool = False
    queued: bool = False

    def make(
        self,
        raw: configs.Raw,
        own: OwnStages | None = None,
        prepared: Prepared | None = None,
        validates: bool = False,
    ) -> Run:
        """The run of the experiment `raw`, complete. `prepared`: it was checked already; `own`: with these stages.

        `validates`: it runs on bars kept for validation, and is counted when it begins.
        """
        text = configs.text(raw)
        stored = self._stored(text)
        if stored is not None and stored.status == "done":
            return stored
        if stored is not None:
            prepared = resuming.resumable(self.home, self.store, stored.id)
        if prepared is None:
            prepared = running.check(self.home, text, self.trust, own if own and own.described else None)
        self._check_data(prepared)
        backend, count = self._backend(prepared)
        if stored is None:
            where = self.workflow, self.phase, validates
            run_id = running.create(self.store, prepared, count, backend, *where)
        else:
            run_id = stored.id
        total = prepared.plan.containers
        verb = "run" if stored is None else "going on with run"
        self.say(f"{self.phase}: {verb} {run_id}, {total:,} container{'' if total == 1 else 's'}")
        progress = self.progresses(total)
        with progress as called:
            report = executing.execute(self.store, prepared, run_id, count, backend, called, queued=self.queued)
        if report.status != "done":  # it was asked to stop, or to pause
            raise KeyboardInterrupt
        return self.store.run(run_id)

    def _stored(self, text: str) -> Run | None:
        """The newest run of this phase with that config which can be taken or gone on with."""
        for run_id in reversed(self.store.workflows.runs(self.workflow, self.phase, self.after)):
            run = self.store.run(run_id)
            same = (run.engine, run.fingerprint) == (engine_version(), fingerprint())
            if run.config == text and (run.status == "done" or same):
                return run
        return None

    def _check_data(self, prepared: Prepared) -> None:
        """Raise ConfigError when the dataset is not what the earlier runs of the workflow had."""
        earlier = self.store.workflows.runs(self.workflow)
        if not earlier:
            return
        before, now = self.store.run(earlier[0]).dataset_hash, prepared.plan.market.dataset
        if before != now:
            raise ConfigError(
                f"dataset '{prepared.dataset}' has changed since workflow {self.workflow} began "
                f"({before[:12]}, now {now[:12]}); run the workflow anew"
            )

    def _backend(self, prepared: Prepared) -> tuple[str, int]:
        """Workers only where there is enough to do for them."""
        plan = prepared.plan
        seconds = plan.containers * _SECONDS * max(plan.market.valid.size / _BARS, 1.0)
        own = bool(plan.sources)  # what it costs nobody knows, and each container may have a child of its own
        if self.workers == 1 or (seconds < _WORTH_WORKERS and not own) or plan.containers == 1:
            return "sequential", 1
        return "loky", min(self.workers, plan.containers)
