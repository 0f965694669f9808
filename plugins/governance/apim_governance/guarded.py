"""Reads files for rulesets and references, below certain folders only; what is linted must not show any other file."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

__all__ = ["LARGEST", "files_below"]

LARGEST: Final = 64 * 1024 * 1024
"""Bytes that a file may have."""


def files_below(folders: Iterable[Path]) -> Callable[[str], str]:
    """A reader of files in these folders and below them. It raises OSError for all else, URLs among it."""
    allowed = tuple(Path(os.path.realpath(folder)) for folder in folders)

    def read(name: str) -> str:
        if "://" in name:
            raise PermissionError(errno.EACCES, f"{name} is not fetched here: keep a copy beside the configuration")
        path = Path(os.path.realpath(name))
        if not any(path.is_relative_to(folder) for folder in allowed):
            raise PermissionError(errno.EACCES, f"{name} is in none of the folders that are read here")
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise OSError(errno.EFBIG, f"{name} has more than {LARGEST:,} bytes")
        return content.decode("utf-8-sig")

    return read
