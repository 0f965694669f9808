"""Which folders a watched configuration lies in, and which changes there matter."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

from apim_core.config import load
from apim_core.workers.watching import changes, folders_of


def test_all_folders_with_files_of_the_configuration_are_watched(tmp_path: Path) -> None:
    for name in ("apis", "extra", "docs"):
        (tmp_path / name).mkdir()
    (tmp_path / "apim.yaml").write_text("include: [apis, 'extra/*.yaml']")
    (tmp_path / "apis" / "a.yaml").write_text(
        "apis: [{name: a, context: /a, endpoint: {mock: {}}, definition: ../docs/a.json}]"
    )
    (tmp_path / "docs" / "a.json").write_text(
        '{"openapi": "3.1.0", "info": {"title": "a", "version": "1"}, "paths": {"/x": {"get": {}}}}'
    )

    folders = folders_of(tmp_path / "apim.yaml", load(tmp_path / "apim.yaml"))

    assert {tmp_path, tmp_path / "apis", tmp_path / "extra", tmp_path / "docs"} == folders


def test_a_changed_file_is_told_and_other_files_are_not(tmp_path: Path) -> None:
    async def watch() -> list[frozenset[str]]:
        stop = asyncio.Event()
        watched = changes(frozenset([tmp_path]), time.time(), stop)
        async with asyncio.timeout(60):
            begun = await anext(watched)
            (tmp_path / "access.jsonl").write_text("a line")
            (tmp_path / ".apim.yaml.swp").write_text("an editor's")
            (tmp_path / "apim.yaml").write_text("listen: 127.0.0.1:1")
            told = await anext(watched)
        stop.set()
        await watched.aclose()
        return [begun, told]

    assert [frozenset(), {str(tmp_path / "apim.yaml")}] == asyncio.run(watch())


def test_what_changed_before_watching_began_is_told_when_it_does(tmp_path: Path) -> None:
    read = time.time()
    for name, changed in (("apim.yaml", read + 1), ("old.yaml", read - 1), ("other.txt", read + 1)):
        (tmp_path / name).write_text("{}")
        os.utime(tmp_path / name, (changed, changed))

    async def begin() -> frozenset[str]:
        stop = asyncio.Event()
        watched = changes(frozenset([tmp_path]), read, stop)
        async with asyncio.timeout(60):
            begun = await anext(watched)
        stop.set()
        await watched.aclose()
        return begun

    assert {str(tmp_path / "apim.yaml")} == asyncio.run(begin())
