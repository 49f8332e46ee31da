"""A workflow from its text to its last phase: checked, stored, run in order, gone on with.

What is committed is kept: a phase that is done is not looked at again, of one that broke off only what is missing runs.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from app.services import running
from app.services.home import Home
from app.services.running import Prepared
from app.services.workflow import configs
from app.services.workflow.making import Maker, Progresses, Say
from app.services.workflow.phases import DO, Known, plain
from app.services.workflow.schema import Discover, Validate, Weigh, Workflow, parse_workflow
from db.store import Store
from db.workflows import PhaseState, WorkflowState
from engine import config
from engine.digest import text_digest
from engine.ensemble.weights import Ensemble
from engine.errors import BulkheadError, ConfigError, StoreError
from engine.execution.rules import Execution
from engine.experiment import Experiment, Told, parse_experiment
from engine.risk.portfolio import Portfolio
from engine.risk.standard import Risk
from engine.stage import Stage
from engine.strategies.bar import BarStrategy
from engine.strategies.by_regime import ByRegime


@dataclass(frozen=True)
class Checked:
    """A workflow that can run. `prepared`: the sweeps of its discover phases; `warnings`: a line each."""

    text: str
    flow: Workflow
    prepared: Mapping[str, Prepared]

    @property
    def warnings(self) -> tuple[str, ...]:
        found = (line for prepared in self.prepared.values() for line in prepared.warnings)
        return tuple(dict.fromkeys(found))


def check(home: Home, text: str, trust: bool = False) -> Checked:
    """Parse a workflow and check of each phase all that can be known ahead. InputError in one line; stores nothing."""
    flow = parse_workflow(config.load(text))
    prepared = {}
    for phase in flow.phases:
        if isinstance(phase, Discover):
            found = _placed(f"phase '{phase.name}'", lambda p=phase: _discovery(home, flow, p, trust))
            prepared[phase.name] = found
            _check_sweep(phase, found.experiment)
    for phase in flow.phases:
        if isinstance(phase, Weigh):
            _check_weights(flow, phase, prepared[flow.source(phase, Discover).name])
        if isinstance(phase, Validate):
            _check_bars(home, flow, phase, prepared[flow.source(phase, Discover).name])
    return Checked(text, flow, prepared)


def create(store: Store, checked: Checked) -> int:
    """Store a workflow, nothing of it begun; returns its id."""
    flow = checked.flow
    return store.workflows.create(flow.header.name, checked.text, [phase.name for phase in flow.phases])


def run(
    home: Home,
    store: Store,
    workflow_id: int,
    workers: int,
    say: Say,
    progresses: Progresses,
    checked: Checked | None = None,
    phase: str | None = None,
    trust: bool = False,
    queued: bool = False,
) -> WorkflowState:
    """Run all phases of a stored workflow that are not done, in order; with `phase`: that one alone, anew.

    `queued`: each run waits in the queue first.

    Raises InputError when a phase cannot run; what was done before it is kept. StoreError while another process has it.
    """
    with store.workflows.owned(workflow_id):
        state = store.workflows.get(workflow_id)
        flow = checked.flow if checked else parse_workflow(config.load(state.config))
        if phase is not None:
            _again(store, flow, state, phase)
        if checked is None:
            say(f"workflow {workflow_id}: {'going on' if phase is None else f'phase {phase!r} anew'}")
        store.workflows.mark(workflow_id, "running")
        try:
            for one in flow.phases if phase is None else [flow.phase(phase)]:
                now = _phase(store.workflows.get(workflow_id), one.name)
                if now.status == "done":
                    continue
                maker = Maker(home, store, workflow_id, one.name, now.after, workers, say, progresses, trust, queued)
                _do(maker, flow, now, checked.prepared if checked else {})
        except BaseException as error:
            stopped = isinstance(error, KeyboardInterrupt)
            store.workflows.mark(workflow_id, "stopped" if stopped else "failed")
            raise
        left = {known.status for known in store.workflows.get(workflow_id).phases} - {"done"}
        store.workflows.mark(workflow_id, "stale" if "stale" in left else "stopped" if left else "done")
    return store.workflows.get(workflow_id)


def digest(phase: PhaseState) -> str | None:
    """The digest of what a phase came to; None while it is not done."""
    return text_digest(plain(phase.result)) if phase.status == "done" and phase.result is not None else None


def validations(store: Store, workflow_id: int) -> int:
    """How often the workflow's hypothesis was validated on its dataset."""
    runs = store.workflows.runs(workflow_id)
    return store.run(runs[-1]).validations if runs else 0


def _do(maker: Maker, flow: Workflow, now: PhaseState, prepared: Mapping[str, Prepared]) -> None:
    """One phase, from its first run to its result."""
    workflows = maker.store.workflows
    known = workflows.get(maker.workflow).phases
    results = {other.name: other.result for other in known if other.status == "done" and other.result is not None}
    runs = {other.name: workflows.runs(maker.workflow, other.name, other.after) for other in known}
    workflows.mark_phase(maker.workflow, now.name, "running")
    phase = flow.phase(now.name)
    try:
        result = DO[phase.kind](maker, Known(flow, results, runs, prepared), phase)
    except KeyboardInterrupt:
        workflows.mark_phase(maker.workflow, now.name, "stopped")
        raise
    except BulkheadError as error:
        workflows.mark_phase(maker.workflow, now.name, "failed", error=str(error))
        raise type(error)(f"phase '{now.name}': {error}") from error
    except BaseException as error:
        workflows.mark_phase(maker.workflow, now.name, "failed", error=f"{type(error).__name__}: {error}")
        raise
    workflows.mark_phase(maker.workflow, now.name, "done", result)


def _again(store: Store, flow: Workflow, state: WorkflowState, name: str) -> None:
    """Make ready to run one phase anew. Raises ConfigError or StoreError when it cannot."""
    phase = flow.phase(name)
    for source in phase.inputs:
        status = _phase(state, source).status
        if status != "done":
            raise StoreError(
                f"phase '{name}' is made from '{source}', which is {status}; resume workflow {state.id} without --phase"
            )
    before = _phase(state, name)
    if before.status in ("done", "stale"):  # one that broke off goes on with what it has
        store.workflows.forget(state.id, name, flow.dependents(name))


def _phase(state: WorkflowState, name: str) -> PhaseState:
    return next(phase for phase in state.phases if phase.name == name)


def _placed(where: str, make: Callable[[], Any]) -> Any:
    try:
        return make()
    except BulkheadError as error:
        raise type(error)(f"{where}: {error}") from None


def _discovery(home: Home, flow: Workflow, phase: Discover, trust: bool) -> Prepared:
    return running.check(home, configs.text(configs.discovery(flow, phase)), trust)


def _check_sweep(phase: Discover, experiment: Experiment) -> None:
    """Raise ConfigError for strategies that cannot be replayed, and for what is swept beside them."""
    where = f"phase '{phase.name}'"
    for branch in experiment.sweep.branches:
        for part in branch.components:
            if issubclass(part.model, BarStrategy):
                raise ConfigError(
                    f"{where}: {part.where} knows its position, so its signals cannot be replayed; leave it out"
                )
            if issubclass(part.model, ByRegime):
                raise ConfigError(f"{where}: {part.where} is by regime already; name its base, the workflow chooses")
            if part.axes and issubclass(part.model, Risk | Portfolio | Execution | Ensemble):
                raise ConfigError(
                    f"{where}: {part.axes[0].path} is swept, and holds for all phases: a workflow sweeps classifiers "
                    "and strategies; give it one value"
                )


def _check_weights(flow: Workflow, phase: Weigh, prepared: Prepared) -> None:
    """Raise ConfigError when the ensemble's rules cannot be for the strategies and regimes there will be."""
    classifiers: dict[str, tuple[str, ...]] = {}
    names: dict[str, None] = {}
    for branch in prepared.experiment.sweep.branches:
        label, regimes = "none", ()
        for part in branch.components:
            family = _family(part.model)
            if family == "strategy":
                names[part.name] = None
            elif family == "classifier":
                label, regimes = branch.labels.get("classifier", part.model.kind), part.model.regimes  # type: ignore[attr-defined]
        classifiers[label] = regimes
    for label, regimes in classifiers.items():
        raw = configs.replay(flow, phase, label, ["1/0"])
        _placed(f"phase '{phase.name}'", lambda r=raw, g=regimes: parse_experiment(r, told=Told(tuple(names), g)))


def _family(model: type[Stage]) -> str:
    return model.family


def _check_bars(home: Home, flow: Workflow, phase: Validate, prepared: Prepared) -> None:
    """Raise ConfigError when there is no bar to validate on."""
    start, end = flow.period(phase)
    assert start is not None
    whole = running.market_of(home, prepared.experiment).select(flow.data.symbols, end)
    if whole.first_bar(start) >= len(whole.time):
        last = str(whole.time[-1].view("datetime64[ns]"))[:10]
        raise ConfigError(f"phase '{phase.name}': no bar is left to validate on from {start}: the last is of {last}")
