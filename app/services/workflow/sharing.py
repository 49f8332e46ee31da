"""A whole workflow as one file, and the file run anew, all phases of it, and compared. Nothing of that is kept.

The config stands as it was written; `[expected]` pins the data and the digest of what each phase came to.
"""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from app.services.exporting import as_written, pinned
from app.services.home import Home
from app.services.reproducing import DIFFERENT, IDENTICAL, SAME, Verdict, metrics_differ, versions_differ
from app.services.workflow import flow
from app.services.workflow.flow import Checked
from app.services.workflow.making import Progresses, Say
from app.services.workflow.schema import KINDS, parse_workflow
from db.store import Store
from db.workflows import WorkflowState
from engine import config
from engine.config import ExpectedSection
from engine.digest import text_digest
from engine.errors import ConfigError, StoreError


def export_workflow(home: Home, workflow_id: int) -> str:
    """A workflow that is done, as TOML. StoreError when a phase of it is not."""
    with home.store() as store:
        state = store.workflows.get(workflow_id)
        for phase in state.phases:
            if phase.status != "done":
                raise StoreError(
                    f"phase '{phase.name}' of workflow {workflow_id} is {phase.status}, so there is no digest to pin; "
                    f"run it to its end with 'bulkhead workflow resume {workflow_id}'"
                )
        runs = store.workflows.runs(workflow_id)
        last = store.run(runs[-1])
        sources = {source.name: source for run in runs for source in store.sources(run)}
        expected = {
            "dataset_hash": last.dataset_hash,
            "engine": last.engine,
            "containers": containers(state),
            "digest": whole_digest(state),
            "decisions_digest": decisions_digest(state),
            "platform": last.platform,
            "metrics": figures(state),
            "phases": digests(state),
        }
    return pinned(as_written(state.config), expected, list(sources.values()), f"workflow {workflow_id}")


def prepare(home: Home, text: str, trust: bool = False) -> tuple[Checked, ExpectedSection]:
    """An exported workflow, ready to run. ConfigError when it does not say what came out, or brings strange code."""
    expected = parse_workflow(config.load(text)).expected
    if expected is None or expected.digest is None or not expected.phases:
        raise ConfigError(
            "the workflow has no [expected] section with digests, so there is nothing to compare; "
            "make it with 'bulkhead workflow export'"
        )
    return flow.check(home, text, trust), expected


def reproduce(
    home: Home, checked: Checked, expected: ExpectedSection, workers: int, say: Say, progresses: Progresses
) -> Verdict:
    """Run all phases in a temporary home and compare what they come to with `expected`."""
    with _beside(home) as other, other.store() as store:
        workflow_id = flow.create(store, checked)
        state = flow.run(other, store, workflow_id, workers, say, progresses, checked, trust=True)
    return _compare(state, expected)


def _compare(state: WorkflowState, expected: ExpectedSection) -> Verdict:
    digest, versions = whole_digest(state), versions_differ(expected)
    assert expected.digest is not None
    if digest == expected.digest:
        return Verdict(IDENTICAL, containers(state), expected.digest, digest, versions)
    apart = metrics_differ(expected.metrics, figures(state))
    same = decisions_digest(state) == expected.decisions_digest and not apart
    found = digests(state)
    first = next((name for name in found if found[name] != expected.phases.get(name)), None)
    note = None if first is None else f"the first phase that differs is '{first}'"
    return Verdict(SAME if same else DIFFERENT, containers(state), expected.digest, digest, versions, apart, note=note)


def digests(state: WorkflowState) -> dict[str, str]:
    """The digest of each phase that is done, by name."""
    found = {phase.name: flow.digest(phase) for phase in state.phases}
    return {name: digest for name, digest in found.items() if digest is not None}


def whole_digest(state: WorkflowState) -> str:
    """One digest for all phases."""
    return text_digest(";".join(f"{name}={digest}" for name, digest in digests(state).items()))


def decisions_digest(state: WorkflowState) -> str:
    """One digest for what all runs decided and what was chosen, without amounts and figures."""
    parts = []
    for phase in state.phases:
        result = phase.result or {}
        parts += [str(run["decisions_digest"]) for run in result.get("runs", [])]
        parts += [f"{entry['classifier']}:{entry.get('index')}" for entry in result.get("classifiers", [])]
        parts += [str(result.get("best"))]
    return text_digest(";".join(parts))


def containers(state: WorkflowState) -> int:
    """How many containers all phases ran."""
    return sum(run["containers"] for phase in state.phases for run in (phase.result or {}).get("runs", []))


def figures(state: WorkflowState) -> dict[str, float]:
    """The figures of all validations: `PHASE.METRIC`."""
    found: dict[str, float] = {}
    for phase in state.phases:
        told: Mapping[str, Any] = (phase.result or {}).get("figures") or {}
        found |= {f"{phase.name}.{name}": value for name, value in told.items() if value is not None}
    return found


def described(store: Store, state: WorkflowState) -> dict[str, Any]:
    """A workflow as plain data, for `--json` and pages."""
    known = parse_workflow(config.load(state.config))
    kinds = {phase.name: phase.kind for phase in known.phases}
    assert set(kinds.values()) <= set(KINDS)
    return {
        "workflow": state.id,
        "name": state.name,
        "status": state.status,
        "pid": state.pid,
        "created": state.created,
        "finished": state.finished,
        "validations": flow.validations(store, state.id),
        "phases": [
            {
                "name": phase.name,
                "kind": kinds[phase.name],
                "status": phase.status,
                "error": phase.error,
                "finished": phase.finished,
                "runs": store.workflows.runs(state.id, phase.name, phase.after),
                "digest": flow.digest(phase),
                "result": phase.result,
            }
            for phase in state.phases
        ],
    }


@contextmanager
def _beside(home: Home) -> Iterator[Home]:
    """A temporary home with the datasets and stages of another, and no runs."""
    with tempfile.TemporaryDirectory(prefix="bulkhead-reproduce-") as folder:
        yield Home(Path(folder), beside=home)
