"""Noticing that a configuration's files have changed (``--watch``)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

from watchfiles import Change, awatch

from apim_core.config import Configuration

__all__ = ["changes", "folders_of"]

_SUFFIXES = (".yaml", ".yml", ".json", ".pem", ".crt", ".key")
_TICK = 250
"""After how many milliseconds without a change the watcher says so, which is how one knows that it has begun."""
_KUBERNETES_DATA = "..data"
"""The link that a mounted ConfigMap or Secret swaps when its content changes."""


def folders_of(file: Path, configuration: Configuration) -> frozenset[Path]:
    """The folders in which the files of a configuration lie."""
    sources = [
        configuration.management.source,
        *(listener.source for listener in configuration.listen),
        *(api.source for api in configuration.apis),
        *(application.source for application in configuration.applications),
        *(reference.source for reference in (*configuration.sinks, *configuration.stores.values())),
        *(manager.source for manager in configuration.key_managers.values()),
    ]
    files = {file, *(Path(source.file) for source in sources if source.file)}
    files.update(api.definition for api in configuration.apis if api.definition is not None)
    folders = {path.resolve().parent for path in files}
    for entry in configuration.include:
        included = (file.parent / entry).resolve()
        folders.add(included if included.is_dir() else included.parent)
    return frozenset(folder for folder in folders if folder.is_dir())


async def changes(folders: frozenset[Path], since: float, stop: asyncio.Event) -> AsyncGenerator[frozenset[str], None]:
    """The files of a configuration in these folders that changed, in batches, until ``stop`` is set.

    The first batch comes, empty or not, when watching has begun: it has what changed ``since`` (seconds since the
    epoch) and before, which nobody saw. Later ones are never empty.
    """
    begun = False
    async for batch in awatch(
        *folders,
        watch_filter=_matters,
        stop_event=stop,
        recursive=False,
        debounce=400,
        step=50,
        rust_timeout=_TICK,
        yield_on_timeout=True,
    ):
        changed = frozenset(path for _, path in batch)
        if not begun:
            begun = True
            yield changed | _changed_since(folders, since)
        elif changed:
            yield changed


def _changed_since(folders: frozenset[Path], moment: float) -> frozenset[str]:
    files = (entry for folder in folders for entry in folder.iterdir() if _matters(Change.modified, entry.name))
    return frozenset(str(entry) for entry in files if entry.is_file() and entry.stat().st_mtime >= moment)


def _matters(change: Change, path: str) -> bool:
    name = Path(path).name
    return name == _KUBERNETES_DATA or (name.endswith(_SUFFIXES) and not name.startswith("."))
