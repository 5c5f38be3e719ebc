"""Alembic's entry: migrates the database of the current application, in one transaction per revision."""

from alembic import context

from coordinator.extensions import db
from coordinator.kernel.crypto import EncryptedBytes, EncryptedJson, EncryptedText


def render_item(kind, item, autogen_context):
    """Write encrypted columns as plain bytes: a migration must not depend on application types."""
    if kind == "type" and isinstance(item, EncryptedText | EncryptedJson | EncryptedBytes):
        return "sa.LargeBinary()"
    return False


def run() -> None:
    connectable = context.config.attributes.get("connection")
    if connectable is None:
        with db.engine.connect() as connection:
            _migrate(connection)
    else:
        _migrate(connectable)


def _migrate(connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=db.metadata,
        render_item=render_item,
        compare_type=True,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        # Migrations may wait longer than requests do.
        context.execute("SET LOCAL lock_timeout = '60s'")
        context.execute("SET LOCAL statement_timeout = '0'")
        context.run_migrations()


if context.is_offline_mode():
    raise SystemExit("offline migrations are not supported; run against a database")
run()
