"""What a store's SQLite file looks like, and how it is opened.

``entries`` holds the values. Triggers write the key of everything that changes there into ``changes``, in the same
transaction; its positions grow by one and are never used again, so whoever follows finds out what it has missed.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Final

__all__ = ["connect", "prepare"]

_APPLICATION: Final = 0x6170696D
"""``apim`` in ASCII: marks the file as one of ours (PRAGMA application_id)."""
_VERSION: Final = 1
"""The schema's version (PRAGMA user_version)."""

_TABLES: Final = """
CREATE TABLE entries (key BLOB PRIMARY KEY, value BLOB NOT NULL, expires REAL) WITHOUT ROWID;
CREATE INDEX entries_by_expiry ON entries (expires) WHERE expires IS NOT NULL;
CREATE TABLE changes (position INTEGER PRIMARY KEY AUTOINCREMENT, key BLOB NOT NULL);
CREATE TRIGGER entry_added AFTER INSERT ON entries BEGIN INSERT INTO changes (key) VALUES (new.key); END;
CREATE TRIGGER entry_changed AFTER UPDATE ON entries BEGIN INSERT INTO changes (key) VALUES (new.key); END;
CREATE TRIGGER entry_gone AFTER DELETE ON entries BEGIN INSERT INTO changes (key) VALUES (old.key); END;
"""


def connect(path: Path, busy_timeout: float, durable: bool) -> sqlite3.Connection:
    """A connection to the file, which is made with mode 0600 if it is missing. Raises OSError or sqlite3.Error."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    connection = sqlite3.connect(path, timeout=busy_timeout, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
    except BaseException:
        connection.close()
        raise
    return connection


def prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Make the tables in a new file. Raises ValueError for a file of somebody else, or of a newer version."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        _prepare(connection, path)
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    if (version, application) == (_VERSION, _APPLICATION):
        return
    if application == _APPLICATION:
        raise ValueError(
            f"{path} has version {version} of the store's schema, which a newer apim wrote; this one knows version "
            f"{_VERSION}: upgrade apim, or name another file"
        )
    if application or version or connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
        raise ValueError(f"{path} is the SQLite file of another program: name a file of the store's own")
    for statement in _TABLES.strip().splitlines():
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {_APPLICATION}")
    connection.execute(f"PRAGMA user_version = {_VERSION}")
