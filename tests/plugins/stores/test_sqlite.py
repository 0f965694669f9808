"""What only a store in a file does."""

import asyncio
from pathlib import Path
from typing import Any

from apim_sdk.testing.context import started
from apim_stores.sqlite import SQLite


def modes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}


def test_values_last_over_a_restart(tmp_path: Path) -> None:
    async def scenario() -> Any:
        async with started(SQLite(tmp_path / "apim.db")) as store:
            await store.put("a", b"1")
        async with started(SQLite(tmp_path / "apim.db")) as store:
            return await store.get("a")

    assert b"1" == asyncio.run(scenario())


def test_the_file_is_for_its_owner_only(tmp_path: Path) -> None:
    async def scenario() -> dict[str, int]:
        async with started(SQLite(tmp_path / "apim.db")) as store:
            await store.put("a", b"1")
            return modes(tmp_path)

    assert {"apim.db": 0o600, "apim.db-wal": 0o600, "apim.db-shm": 0o600} == asyncio.run(scenario())
