"""Workflows: several runs, one phase after the other, and what each phase came to.

Who works on one holds the lock `HOME/workflows/<id>.lock`, as the holder of a run does (`db.lease`).
"""

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from db.engine import Database
from db.lease import RunLock, holder
from db.rows import now, parse
from engine.errors import StoreError

#: `stale`: it is done, but what it was made from has been made anew since.
PHASE_STATUSES = ("waiting", "running", "done", "stale", "stopped", "failed")


@dataclass(frozen=True, slots=True)
class PhaseState:
    """A phase as it stands. `result`: what it came to, of a stale phase what it had come to.

    after: its runs are those of its name with a larger id; smaller ones are of an earlier time it was computed.
    error: the line that says why it failed.
    """

    name: str
    position: int
    status: str
    after: int
    result: dict[str, Any] | None
    error: str | None
    finished: str | None


@dataclass(frozen=True, slots=True)
class WorkflowState:
    """A workflow as it stands.

    `status`: queued, running, stopped, interrupted (nobody works on it), stale (a phase was made anew, and what is made
    from it was not), done, failed. `pid`: of the process that works on it.
    """

    id: int
    name: str
    status: str
    config: str
    created: str
    finished: str | None
    pid: int | None
    phases: tuple[PhaseState, ...]


class Workflows:
    """The workflows of one home. Errors raised by all methods: StoreError."""

    def __init__(self, home: Path, database: Database) -> None:
        self._home = home
        self._database = database

    def create(self, name: str, config: str, phases: Sequence[str]) -> int:
        """Store a workflow with its phases, all of them waiting; returns its id."""
        with self._database.writing() as connection:
            found = connection.exec_driver_sql(
                "INSERT INTO workflow (name, status, config, created) VALUES (?, 'queued', ?, ?) RETURNING id",
                (name, config, now()),
            )
            workflow_id: int = found.scalar_one()
            data, check = _packed(0, None, None)
            connection.exec_driver_sql(
                "INSERT INTO phase (workflow_id, name, position, status, checksum, data) "
                "VALUES (?, ?, ?, 'waiting', ?, ?)",
                [(workflow_id, phase, position, check, data) for position, phase in enumerate(phases)],
            )
        return workflow_id

    @contextmanager
    def owned(self, workflow_id: int) -> Iterator[None]:
        """The right to work on a workflow, for the block; StoreError while another process, or this one, has it."""
        self.get(workflow_id)
        lock = RunLock(self._lock(workflow_id), "workflow")
        try:
            yield
        finally:
            lock.release()

    def mark(self, workflow_id: int, status: str) -> None:
        """Say where a workflow stands. By its owner."""
        ended = None if status == "running" else now()
        with self._database.writing() as connection:
            connection.exec_driver_sql(
                "UPDATE workflow SET status = ?, finished = ? WHERE id = ?", (status, ended, workflow_id)
            )

    def mark_phase(
        self,
        workflow_id: int,
        name: str,
        status: str,
        result: Mapping[str, Any] | None = None,
        error: str | None = None,
    ) -> None:
        """Say where a phase stands; without a `result` it keeps the one it has. By the workflow's owner."""
        with self._database.writing() as connection:
            known = {phase.name: phase for phase in _phases(connection, workflow_id)}[name]
            _write(
                connection, workflow_id, known, status, known.after, known.result if result is None else result, error
            )

    def forget(self, workflow_id: int, name: str, dependents: Sequence[str]) -> None:
        """Have phase `name` computed anew, and those that are made from it marked as stale. By the owner."""
        with self._database.writing() as connection:
            newest = connection.exec_driver_sql("SELECT coalesce(max(id), 0) FROM run").scalar_one()
            for phase in _phases(connection, workflow_id):
                if phase.name == name:
                    _write(connection, workflow_id, phase, "waiting", newest, None, None)
                elif phase.name in dependents:
                    status = "waiting" if phase.result is None else "stale"
                    _write(connection, workflow_id, phase, status, newest, phase.result, None)

    def runs(self, workflow_id: int, phase: str | None = None, after: int = 0) -> list[int]:
        """The ids of a workflow's runs, of one phase if one is named, that are larger than `after`; ascending."""
        with self._database.reading() as connection:
            rows = connection.exec_driver_sql(
                "SELECT id FROM run WHERE workflow_id = ? AND (phase = ? OR ? IS NULL) AND id > ? ORDER BY id",
                (workflow_id, phase, phase, after),
            )
            return list(rows.scalars())

    def states(self) -> list[WorkflowState]:
        """All workflows, by id."""
        with self._database.reading() as connection:
            rows = connection.exec_driver_sql(_SELECT + " ORDER BY id").all()
            found = [_workflow(connection, row) for row in rows]
        return [self._settled(workflow) for workflow in found]

    def get(self, workflow_id: int) -> WorkflowState:
        """One workflow. StoreError when there is none, or a phase of it is damaged."""
        with self._database.reading() as connection:
            row = connection.exec_driver_sql(_SELECT + " WHERE id = ?", (workflow_id,)).first()
            if row is None:
                raise StoreError(f"there is no workflow {workflow_id}; 'bulkhead workflow list' names those there are")
            found = _workflow(connection, row)
        return self._settled(found)

    def _settled(self, workflow: WorkflowState) -> WorkflowState:
        owner = holder(self._lock(workflow.id))
        gone = owner is None and workflow.status in ("queued", "running")
        return replace(workflow, pid=owner, status="interrupted" if gone else workflow.status)

    def _lock(self, workflow_id: int) -> Path:
        return self._home / "workflows" / f"{workflow_id}.lock"


_SELECT = "SELECT id, name, status, config, created, finished FROM workflow"


def _workflow(connection: Connection, row: Sequence[Any]) -> WorkflowState:
    """A row of `_SELECT` with its phases."""
    number, name, status, config, created, finished = row
    return WorkflowState(number, name, status, config, created, finished, None, _phases(connection, number))


def _packed(after: int, result: Mapping[str, Any] | None, error: str | None) -> tuple[str, int]:
    data = json.dumps({"after": after, "result": result, "error": error}, allow_nan=False)
    return data, zlib.crc32(data.encode())


def _write(
    connection: Connection,
    workflow_id: int,
    phase: PhaseState,
    status: str,
    after: int,
    result: Mapping[str, Any] | None,
    error: str | None,
) -> None:
    if status not in PHASE_STATUSES:
        raise ValueError(f"a phase cannot be {status!r}")
    data, check = _packed(after, result, error)
    finished = now() if status == "done" else phase.finished if status == "stale" else None
    connection.exec_driver_sql(
        "UPDATE phase SET status = ?, checksum = ?, data = ?, finished = ? WHERE workflow_id = ? AND name = ?",
        (status, check, data, finished, workflow_id, phase.name),
    )


def _phases(connection: Connection, workflow_id: int) -> tuple[PhaseState, ...]:
    """The phases of a workflow, in order. Errors raised: StoreError for one that differs from its checksum."""
    rows = connection.exec_driver_sql(
        "SELECT name, position, status, checksum, data, finished FROM phase WHERE workflow_id = ? ORDER BY position",
        (workflow_id,),
    )
    found = []
    for name, position, status, check, data, finished in rows:
        if zlib.crc32(str(data).encode()) != check:
            raise StoreError(
                f"phase '{name}' of workflow {workflow_id} is damaged: its checksum differs; "
                "restore the database from a backup"
            )
        held = parse(data)
        found.append(PhaseState(name, position, status, held["after"], held["result"], held["error"], finished))
    return tuple(found)
