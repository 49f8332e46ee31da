"""How Alembic runs the migrations: inside the transaction of the connection that `db.schema.migrate` hands over.

SQLite can alter little in place, so migrations use batch mode (copy, drop, rename), with foreign keys off. A table that
is copied must be made STRICT again: `op.batch_alter_table(name, table_kwargs={"sqlite_strict": True})`.
"""

from alembic import context
from sqlmodel import SQLModel

import db.tables  # noqa: F401  (fills the metadata)

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
