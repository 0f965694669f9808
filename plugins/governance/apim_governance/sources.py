"""What is read for a run: documents and rulesets by name, patterns of names, and what they refer to.

Files are read below the folders that were named: the working directory, and those of the documents and of the ruleset.
A reference in a document that somebody sent must not show other files of the machine.
"""

from __future__ import annotations

import base64
import glob
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from apim_governance.documents.limits import LARGEST
from apim_governance.guarded import bytes_below
from apim_governance.web import WebReader

__all__ = ["ENCODINGS", "Sources", "default_ruleset", "expanded", "is_url"]

ENCODINGS: Final = {
    "utf8": "utf-8",
    "utf-8": "utf-8",
    "ascii": "ascii",
    "utf16le": "utf-16-le",
    "ucs2": "utf-16-le",
    "ucs-2": "utf-16-le",
    "latin1": "latin-1",
    "base64": "base64",
}
"""Encodings by the names that Spectral has for them."""
_RULESET: Final = re.compile(r"\.?spectral\.(?:ya?ml|json)")
_BRACES: Final = re.compile(r"\{([^{}]*,[^{}]*)\}")


class Sources:
    """Reads files and, with ``web``, URLs."""

    def __init__(self, encoding: str = "utf8", folders: Iterable[str] = (), web: WebReader | None = None) -> None:
        self._encoding = ENCODINGS[encoding]
        self._folders = {os.path.realpath(folder) for folder in folders}
        self._web = web

    def allow(self, name: str) -> None:
        """Let the folder of a file be read."""
        if not is_url(name):
            self._folders.add(os.path.dirname(os.path.realpath(name)))

    def read(self, name: str) -> str:
        """The text of a file or URL. Raises OSError, with what to do where it is one that may not be read."""
        if is_url(name):
            if self._web is None:
                raise OSError(f"{name} is not fetched: allow it with --allow-urls")
            return self.decoded(self._web.read(name))
        advice = "; name its folder with --allow-folder"
        return self.decoded(bytes_below(name, self._folders, LARGEST, advice))

    def decoded(self, content: bytes) -> str:
        """Bytes as text; what is none in the encoding is replaced."""
        if self._encoding == "base64":
            return base64.b64encode(content).decode()
        return content.decode(self._encoding, "replace")


def is_url(name: str) -> bool:
    """Whether a name is that of something in the web."""
    return name.startswith(("http://", "https://"))


def default_ruleset(folder: str) -> str | None:
    """The ruleset that lies in a folder under one of the names that need not be told."""
    found = sorted(name for name in os.listdir(folder) if _RULESET.fullmatch(name))
    return os.path.join(folder, found[0]) if found else None


def expanded(patterns: Sequence[str]) -> tuple[list[str], list[str]]:
    """The files and URLs that names and patterns stand for, each once and in order; and those that stand for none.

    A pattern with ``!`` in front leaves files out.
    """
    found: dict[str, None] = {}
    unmatched: list[str] = []
    for pattern in patterns:
        if pattern.startswith("!"):
            continue
        names = [pattern] if is_url(pattern) else list(_files(pattern))
        if not names:
            unmatched.append(pattern)
        found.update(dict.fromkeys(names))
    for pattern in patterns:
        if pattern.startswith("!"):
            for name in _files(pattern[1:]):
                found.pop(name, None)
    return sorted(found), unmatched


def _files(pattern: str) -> Iterator[str]:
    if os.path.isfile(pattern):
        yield os.path.abspath(pattern)
        return
    for each in _alternatives(pattern):
        for name in glob.iglob(each, recursive=True, include_hidden=True):
            if os.path.isfile(name):
                yield os.path.abspath(name)


def _alternatives(pattern: str) -> Iterator[str]:
    """``a.{json,yaml}`` as patterns without braces."""
    found = _BRACES.search(pattern)
    if found is None:
        yield pattern
        return
    for part in found[1].split(","):
        yield from _alternatives(pattern[: found.start()] + part + pattern[found.end() :])
