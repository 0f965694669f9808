"""What a store looks like in a PostgreSQL database, and how it is made there.

``apim_entries`` holds the values. A trigger writes the key of everything that changes there into ``apim_changes``, with
the transaction that did it. It also does so for what logical replication applies; no sequence is used, so two data
centres may write. The log is for followers of this server only, hence unlogged: a crash empties it, but ends their
connections too. It belongs into no publication.
"""

from __future__ import annotations

from typing import Any, Final

__all__ = ["SchemaError", "prepare"]

_VERSION: Final = 1
_LOCK: Final = 0x6170696D
"""``apim`` in ASCII: the advisory lock under which the tables are made."""

_TABLES: Final = """
CREATE TABLE apim_schema (version integer PRIMARY KEY);
CREATE TABLE apim_entries (key bytea PRIMARY KEY, value bytea NOT NULL, expires timestamptz);
CREATE INDEX apim_entries_by_expiry ON apim_entries (expires) WHERE expires IS NOT NULL;
CREATE UNLOGGED TABLE apim_changes (key bytea NOT NULL, transaction xid8 NOT NULL DEFAULT pg_current_xact_id());
CREATE INDEX apim_changes_by_transaction ON apim_changes (transaction);
CREATE FUNCTION apim_log_change() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO apim_changes (key) VALUES (CASE TG_OP WHEN 'DELETE' THEN OLD.key ELSE NEW.key END);
    RETURN NULL;
END $$;
CREATE TRIGGER apim_log_change AFTER INSERT OR UPDATE OR DELETE ON apim_entries
    FOR EACH ROW EXECUTE FUNCTION apim_log_change();
ALTER TABLE apim_entries ENABLE ALWAYS TRIGGER apim_log_change;
INSERT INTO apim_schema VALUES (1);
"""


class SchemaError(ConnectionError):
    """The tables are those of another version of apim."""


async def prepare(connection: Any) -> None:
    """Make the tables where they are missing. Raises SchemaError where a newer version made them."""
    if await _version(connection) is None:
        # The lock comes before the transaction, which thus begins with what others have made meanwhile.
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
        try:
            if await _version(connection) is None:
                async with connection.transaction():
                    await connection.execute(_TABLES)
            await connection.execute("SELECT pg_advisory_unlock($1)", _LOCK)
        except BaseException:
            connection.terminate()  # and so unlock
            raise
    version = await _version(connection)
    if version != _VERSION:
        raise SchemaError(
            f"the database has version {version} of the store's schema, which a newer apim made; this one knows "
            f"version {_VERSION}: upgrade apim, or name another database"
        )


async def _version(connection: Any) -> int | None:
    if await connection.fetchval("SELECT to_regclass('apim_schema') IS NULL"):
        return None
    version: int | None = await connection.fetchval("SELECT max(version) FROM apim_schema")
    return version
