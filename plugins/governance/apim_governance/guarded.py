"""Reads files for rulesets and references, below certain folders only; what is linted must not show any other file."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from apim_governance.documents.limits import LARGEST

__all__ = ["Remembering", "bytes_below", "files_below"]


def bytes_below(name: str, folders: Iterable[str], largest: int, advice: str) -> bytes:
    """A file in one of these folders, given by their real paths, or below it.

    Raises OSError for a larger one, and PermissionError, with the advice, for one that lies elsewhere.
    """
    place = os.path.realpath(name)
    if not any(place.startswith(folder.rstrip(os.sep) + os.sep) for folder in folders):
        raise PermissionError(errno.EACCES, f"{name} is in none of the folders that are read here{advice}")
    with open(place, "rb") as file:
        content = file.read(largest + 1)
    if len(content) > largest:
        raise OSError(errno.EFBIG, f"{name} has more than {largest:,} bytes")
    return content


def files_below(folders: Iterable[Path]) -> Callable[[str], str]:
    """A reader of files in these folders and below them. It raises OSError for all else, URLs among it."""
    allowed = [os.path.realpath(folder) for folder in folders]

    def read(name: str) -> str:
        if "://" in name:
            raise PermissionError(errno.EACCES, f"{name} is not fetched here: keep a copy beside the configuration")
        return bytes_below(name, allowed, LARGEST, "").decode("utf-8-sig")

    return read


class Remembering:
    """Reads as another does, and keeps the texts by their names: what was read once is the same the next time."""

    def __init__(self, read: Callable[[str], str]) -> None:
        self._read = read
        self.texts: dict[str, str] = {}

    def __call__(self, name: str) -> str:
        text = self.texts.get(name)
        if text is None:
            text = self.texts[name] = self._read(name)
        return text
