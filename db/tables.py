"""The tables of a home's database, `bulkhead.sqlite`.

A run has containers; a container's log and equity sketch lie with those of its batch in a block. Times are UTC in
ISO 8601 with milliseconds (`2026-01-31T09:30:00.000+00:00`: they sort as text), durations seconds, hashes and digests
lower-case hex. All tables are STRICT: rows are written by plain `executemany`, and SQLite itself refuses a value of the
wrong type. Container −1 of a run is its benchmark: in no count, in no digest.
"""

from typing import Any

from sqlalchemy import REAL, Column, ForeignKeyConstraint, Index, LargeBinary, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from engine.projections.catalogue import METRICS

#: `metrics.part`: the bars before `test_start`, and those from there on.
PART_TRAIN, PART_TEST = 0, 1

_STRICT = {"sqlite_strict": True}


def _text(**options: Any) -> Any:
    return Field(sa_type=Text, **options)


def _real(**options: Any) -> Any:
    return Field(sa_type=REAL, **options)


class HypothesisRow(SQLModel, table=True):
    """An idea as it was put into words, on one dataset, and how often it was tried. No words given: the empty text.

    `trials` counts containers, `validations` runs on bars kept for validation, `reveals` looks at test figures.
    """

    __tablename__ = "hypothesis"
    __table_args__ = (UniqueConstraint("text", "dataset_hash", name="hypothesis_once"), _STRICT)
    id: int | None = Field(default=None, primary_key=True)
    text: str = _text()
    dataset_hash: str = _text()
    trials: int = 0
    validations: int = 0
    reveals: int = 0
    created: str = _text()


class WorkflowRow(SQLModel, table=True):
    """A research workflow: several runs, one for each phase of `config` (TOML)."""

    __tablename__ = "workflow"
    __table_args__ = (_STRICT,)
    id: int | None = Field(default=None, primary_key=True)
    name: str = _text()
    status: str = _text()
    config: str = _text()
    created: str = _text()
    finished: str | None = _text(default=None)


class RunRow(SQLModel, table=True):
    """One experiment's run: what was asked, where it stands, what it left.

    `plan` (JSON) is what the config was resolved to; `platform` (JSON) and its hash `fingerprint` say where bits are
    promised to be the same. `checksum`: CRC-32 of what does not change after creation (`db.rows.run_checksum`). `done`
    and `failed` count committed containers. `epoch` grows with each claim: only the newest holder commits. `pid` and
    `heartbeat` are the holder's. `extends`: the run whose sweep this one goes on with; `revealed`: when its test
    figures were first looked at.
    """

    __tablename__ = "run"
    __table_args__ = ({**_STRICT, "sqlite_autoincrement": True},)
    id: int | None = Field(default=None, primary_key=True)
    name: str = _text()
    status: str = _text()
    pattern: str = _text()
    seed: int
    hypothesis_id: int = Field(foreign_key="hypothesis.id")
    workflow_id: int | None = Field(default=None, foreign_key="workflow.id")
    phase: str | None = _text(default=None)
    extends: int | None = Field(default=None, foreign_key="run.id")
    config: str = _text()
    plan: str = _text()
    dataset: str = _text()
    dataset_hash: str = _text()
    engine: str = _text()
    platform: str = _text()
    fingerprint: str = _text()
    checksum: int
    workers: int | None = None
    backend: str | None = _text(default=None)
    containers: int
    done: int = 0
    failed: int = 0
    epoch: int = 0
    pid: int | None = None
    heartbeat: str | None = _text(default=None)
    created: str = _text()
    started: str | None = _text(default=None)
    finished: str | None = _text(default=None)
    revealed: str | None = _text(default=None)
    seconds: float | None = _real(default=None)
    startup_seconds: float | None = _real(default=None)
    digest: str | None = _text(default=None)
    decisions_digest: str | None = _text(default=None)
    error: str | None = _text(default=None)


class BlockRow(SQLModel, table=True):
    """A committed batch of containers, with `rows` events.

    `checksum`: SHA-256 of log and sketch; `sketch_crc`: CRC-32 of the sketch, which is read without the log.
    """

    __tablename__ = "block"
    __table_args__ = (_STRICT,)
    id: int | None = Field(default=None, primary_key=True)
    run_id: int = Field(foreign_key="run.id", ondelete="CASCADE", index=True)
    epoch: int
    containers: int
    rows: int
    checksum: str = _text()
    sketch_crc: int


class BlockLogRow(SQLModel, table=True):
    """A block's event logs, joined: an Arrow IPC stream. A table of its own, so that reading rows reads no blobs."""

    __tablename__ = "block_log"
    __table_args__ = (_STRICT,)
    block_id: int = Field(
        primary_key=True, foreign_key="block.id", ondelete="CASCADE", sa_column_kwargs={"autoincrement": False}
    )
    data: bytes = Field(sa_type=LargeBinary)


class BlockSketchRow(SQLModel, table=True):
    """A block's equity sketches: float32 (containers, SKETCH), compressed with zstd."""

    __tablename__ = "block_sketch"
    __table_args__ = (_STRICT,)
    block_id: int = Field(
        primary_key=True, foreign_key="block.id", ondelete="CASCADE", sa_column_kwargs={"autoincrement": False}
    )
    data: bytes = Field(sa_type=LargeBinary)


class ContainerRow(SQLModel, table=True):
    """How one container ended. Its log is rows `row_start` … + `row_count` of its block, its sketch is row `position`.

    `params` (JSON): the swept parameters. `wall`, `cpu`: seconds; `memory`: bytes. `checksum`: CRC-32 of the row and
    its metrics (`db.rows.checksum`). The indexes hold a prefix of each hash, and by run: a commit would write twice as
    much with whole ones, and touch pages all over a large database.
    """

    __tablename__ = "container"
    __table_args__ = (
        Index("ix_container_spec_hash", "run_id", text("substr(spec_hash, 1, 8)")),
        Index("ix_container_signals_digest", "run_id", text("substr(signals_digest, 1, 8)")),
        _STRICT,
    )
    run_id: int = Field(primary_key=True, foreign_key="run.id", ondelete="CASCADE")
    idx: int = Field(primary_key=True)
    status: str = _text()
    block_id: int = Field(foreign_key="block.id", ondelete="CASCADE", index=True)
    position: int
    row_start: int
    row_count: int
    wall: float = _real()
    cpu: float = _real()
    memory: int
    checksum: int
    params: str = _text()
    spec_hash: str = _text()
    digest: str | None = _text(default=None)
    decisions_digest: str | None = _text(default=None)
    fills_digest: str | None = _text(default=None)
    signals_digest: str | None = _text(default=None)
    error: str | None = _text(default=None)


class MetricsRow(SQLModel, table=True):
    """A container's metrics, one REAL column for each name of the catalogue; NULL: undefined.

    `part`: 0 for the bars before `test_start`, 1 for those from there on.
    """

    __tablename__ = "metrics"
    __table_args__ = (
        *(Column(name, REAL) for name in METRICS),
        ForeignKeyConstraint(["run_id", "idx"], ["container.run_id", "container.idx"], ondelete="CASCADE"),
        _STRICT,
    )
    run_id: int = Field(primary_key=True)
    idx: int = Field(primary_key=True)
    part: int = Field(primary_key=True)


class JournalRow(SQLModel, table=True):
    """What was committed, in order: one row a transaction. `first` and `last`: lowest and highest index in it."""

    __tablename__ = "journal"
    __table_args__ = (_STRICT,)
    id: int | None = Field(default=None, primary_key=True)
    run_id: int = Field(foreign_key="run.id", ondelete="CASCADE", index=True)
    epoch: int
    block_id: int = Field(foreign_key="block.id", ondelete="CASCADE", index=True)
    first: int
    last: int
    containers: int
    at: str = _text()


class ControlRow(SQLModel, table=True):
    """A request to a run's holder (pause, resume, stop, kill); `idx`: one container; `handled`: when it was obeyed."""

    __tablename__ = "control"
    __table_args__ = (_STRICT,)
    id: int | None = Field(default=None, primary_key=True)
    run_id: int = Field(foreign_key="run.id", ondelete="CASCADE", index=True)
    idx: int | None = None
    action: str = _text()
    at: str = _text()
    handled: str | None = _text(default=None)


class TagRow(SQLModel, table=True):
    """A word a researcher put on a container."""

    __tablename__ = "tag"
    __table_args__ = (
        ForeignKeyConstraint(["run_id", "idx"], ["container.run_id", "container.idx"], ondelete="CASCADE"),
        _STRICT,
    )
    run_id: int = Field(primary_key=True)
    idx: int = Field(primary_key=True)
    tag: str = _text(primary_key=True)
    at: str = _text()


class SourceRow(SQLModel, table=True):
    """The source of a user's own stage, or of a module it imports, kept by the hash of its text."""

    __tablename__ = "source"
    __table_args__ = (_STRICT,)
    hash: str = _text(primary_key=True)
    text: str = _text()


class RunSourceRow(SQLModel, table=True):
    """Which sources a run used, and the file name each had."""

    __tablename__ = "run_source"
    __table_args__ = (_STRICT,)
    run_id: int = Field(primary_key=True, foreign_key="run.id", ondelete="CASCADE")
    name: str = _text(primary_key=True)
    hash: str = _text(foreign_key="source.hash")


class SignalReportRow(SQLModel, table=True):
    """The signal analysis (JSON) of one container's log. `checksum`: CRC-32 of it."""

    __tablename__ = "signal_report"
    __table_args__ = (
        ForeignKeyConstraint(["run_id", "idx"], ["container.run_id", "container.idx"], ondelete="CASCADE"),
        _STRICT,
    )
    run_id: int = Field(primary_key=True)
    idx: int = Field(primary_key=True)
    checksum: int
    data: str = _text()


class PhaseRow(SQLModel, table=True):
    """A phase of a workflow: where it stands and (JSON) what it came to. `checksum`: CRC-32 of `data`."""

    __tablename__ = "phase"
    __table_args__ = (_STRICT,)
    workflow_id: int = Field(primary_key=True, foreign_key="workflow.id", ondelete="CASCADE")
    name: str = _text(primary_key=True)
    position: int
    status: str = _text()
    checksum: int
    data: str = _text()
    finished: str | None = _text(default=None)


def columns(table: type[SQLModel]) -> tuple[str, ...]:
    """The names of a table's columns, in order."""
    return tuple(SQLModel.metadata.tables[str(table.__tablename__)].columns.keys())
