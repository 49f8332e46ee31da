"""The first schema.

Written out in full and never changed again: what a column is called today must not depend on code of tomorrow.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def _integer(name: str, null: bool = False, **options: Any) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=null, **options)


def _real(name: str, null: bool = False) -> sa.Column[float]:
    return sa.Column(name, sa.REAL(), nullable=null)


def _text(name: str, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=null)


def _blob(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(), nullable=False)


def upgrade() -> None:
    op.create_table(
        "hypothesis",
        _integer("id"),
        _text("text"),
        _text("dataset_hash"),
        _integer("trials"),
        _integer("validations"),
        _integer("reveals"),
        _text("created"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("text", "dataset_hash", name="hypothesis_once"),
        sqlite_strict=True,
    )
    op.create_table(
        "source",
        _text("hash"),
        _text("text"),
        sa.PrimaryKeyConstraint("hash"),
        sqlite_strict=True,
    )
    op.create_table(
        "workflow",
        _integer("id"),
        _text("name"),
        _text("status"),
        _text("config"),
        _text("created"),
        _text("finished", null=True),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_table(
        "run",
        _integer("id"),
        _text("name"),
        _text("status"),
        _text("pattern"),
        _integer("seed"),
        _integer("hypothesis_id"),
        _integer("workflow_id", null=True),
        _text("phase", null=True),
        _integer("extends", null=True),
        _text("config"),
        _text("plan"),
        _text("dataset"),
        _text("dataset_hash"),
        _text("engine"),
        _text("platform"),
        _text("fingerprint"),
        _integer("checksum"),
        _integer("workers", null=True),
        _text("backend", null=True),
        _integer("containers"),
        _integer("done"),
        _integer("failed"),
        _integer("epoch"),
        _integer("pid", null=True),
        _text("heartbeat", null=True),
        _text("created"),
        _text("started", null=True),
        _text("finished", null=True),
        _text("revealed", null=True),
        _real("seconds", null=True),
        _real("startup_seconds", null=True),
        _text("digest", null=True),
        _text("decisions_digest", null=True),
        _text("error", null=True),
        sa.ForeignKeyConstraint(["hypothesis_id"], ["hypothesis.id"]),
        sa.ForeignKeyConstraint(["workflow_id"], ["workflow.id"]),
        sa.ForeignKeyConstraint(["extends"], ["run.id"]),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_table(
        "block",
        _integer("id"),
        _integer("run_id"),
        _integer("epoch"),
        _integer("containers"),
        _integer("rows"),
        _text("checksum"),
        _integer("sketch_crc"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index("ix_block_run_id", "block", ["run_id"])
    op.create_table(
        "control",
        _integer("id"),
        _integer("run_id"),
        _integer("idx", null=True),
        _text("action"),
        _text("at"),
        _text("handled", null=True),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index("ix_control_run_id", "control", ["run_id"])
    op.create_table(
        "run_source",
        _integer("run_id"),
        _text("name"),
        _text("hash"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["hash"], ["source.hash"]),
        sa.PrimaryKeyConstraint("run_id", "name"),
        sqlite_strict=True,
    )
    op.create_table(
        "block_log",
        _integer("block_id", autoincrement=False),
        _blob("data"),
        sa.ForeignKeyConstraint(["block_id"], ["block.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("block_id"),
        sqlite_strict=True,
    )
    op.create_table(
        "block_sketch",
        _integer("block_id", autoincrement=False),
        _blob("data"),
        sa.ForeignKeyConstraint(["block_id"], ["block.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("block_id"),
        sqlite_strict=True,
    )
    op.create_table(
        "container",
        _integer("run_id"),
        _integer("idx"),
        _text("status"),
        _integer("block_id"),
        _integer("position"),
        _integer("row_start"),
        _integer("row_count"),
        _real("wall"),
        _real("cpu"),
        _integer("memory"),
        _integer("checksum"),
        _text("params"),
        _text("spec_hash"),
        _text("digest", null=True),
        _text("decisions_digest", null=True),
        _text("fills_digest", null=True),
        _text("signals_digest", null=True),
        _text("error", null=True),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["block_id"], ["block.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "idx"),
        sqlite_strict=True,
    )
    op.create_index("ix_container_block_id", "container", ["block_id"])
    op.create_index("ix_container_spec_hash", "container", ["run_id", sa.text("substr(spec_hash, 1, 8)")])
    op.create_index("ix_container_signals_digest", "container", ["run_id", sa.text("substr(signals_digest, 1, 8)")])
    op.create_table(
        "journal",
        _integer("id"),
        _integer("run_id"),
        _integer("epoch"),
        _integer("block_id"),
        _integer("first"),
        _integer("last"),
        _integer("containers"),
        _text("at"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["block_id"], ["block.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index("ix_journal_block_id", "journal", ["block_id"])
    op.create_index("ix_journal_run_id", "journal", ["run_id"])
    op.create_table(
        "metrics",
        _integer("run_id"),
        _integer("idx"),
        _integer("part"),
        _real("final_equity", null=True),
        _real("total_return", null=True),
        _real("cagr", null=True),
        _real("volatility", null=True),
        _real("sharpe", null=True),
        _real("sortino", null=True),
        _real("max_drawdown", null=True),
        _real("calmar", null=True),
        _real("orders", null=True),
        _real("trades", null=True),
        _real("win_rate", null=True),
        _real("profit_factor", null=True),
        _real("average_trade", null=True),
        _real("exposure", null=True),
        _real("time_in_market", null=True),
        _real("turnover", null=True),
        _real("skew", null=True),
        _real("kurtosis", null=True),
        _real("var_95", null=True),
        _real("cvar_95", null=True),
        _real("max_drawdown_bars", null=True),
        _real("commission_paid", null=True),
        _real("slippage_paid", null=True),
        sa.ForeignKeyConstraint(["run_id", "idx"], ["container.run_id", "container.idx"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "idx", "part"),
        sqlite_strict=True,
    )
    op.create_table(
        "signal_report",
        _integer("run_id"),
        _integer("idx"),
        _text("data"),
        sa.ForeignKeyConstraint(["run_id", "idx"], ["container.run_id", "container.idx"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "idx"),
        sqlite_strict=True,
    )
    op.create_table(
        "tag",
        _integer("run_id"),
        _integer("idx"),
        _text("tag"),
        _text("at"),
        sa.ForeignKeyConstraint(["run_id", "idx"], ["container.run_id", "container.idx"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "idx", "tag"),
        sqlite_strict=True,
    )
