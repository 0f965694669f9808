"""Noticing that a configuration's files have changed (``--watch``)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from watchfiles import Change, awatch

from apim_core.config import Configuration

__all__ = ["changes", "folders_of"]

_SUFFIXES = (".yaml", ".yml", ".json", ".pem", ".crt", ".key")
_KUBERNETES_DATA = "..data"
"""The link that a mounted ConfigMap or Secret swaps when its content changes."""


def folders_of(file: Path, configuration: Configuration) -> frozenset[Path]:
    """The folders in which the files of a configuration lie."""
    sources = [
        configuration.management.source,
        *(listener.source for listener in configuration.listen),
        *(api.source for api in configuration.apis),
        *(application.source for application in configuration.applications),
        *(
            reference.source
            for reference in (
                *configuration.sinks,
                *configuration.key_managers.values(),
                *configuration.stores.values(),
            )
        ),
    ]
    files = {file, *(Path(source.file) for source in sources if source.file)}
    files.update(api.definition for api in configuration.apis if api.definition is not None)
    folders = {path.resolve().parent for path in files}
    for entry in configuration.include:
        included = (file.parent / entry).resolve()
        folders.add(included if included.is_dir() else included.parent)
    return frozenset(folder for folder in folders if folder.is_dir())


async def changes(folders: frozenset[Path], stop: asyncio.Event) -> AsyncIterator[frozenset[str]]:
    """The files of a configuration in these folders that changed, in batches, until ``stop`` is set."""
    async for batch in awatch(*folders, watch_filter=_matters, stop_event=stop, recursive=False, debounce=400, step=50):
        yield frozenset(path for _, path in batch)


def _matters(change: Change, path: str) -> bool:
    name = Path(path).name
    return name == _KUBERNETES_DATA or (name.endswith(_SUFFIXES) and not name.startswith("."))
