"""All files of a configuration as one document: each file, what it includes, and where every part came from.

What a file includes follows after its own content: lists are added to, mappings merged key by key; a value that two
files give differently is refused with both places.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from itertools import takewhile
from pathlib import Path
from typing import Any, Final

import attrs

from apim_core.config import pointers
from apim_core.config.documents import DocumentError, parse, read
from apim_core.config.interpolation import UNREADABLE
from apim_core.config.locating import locate_problems
from apim_core.config.problems import Problem
from apim_core.config.references import SourceRef

__all__ = ["Gathered", "gather"]

_SUFFIXES: Final = (".yaml", ".yml", ".json")
_WILD: Final = frozenset("*?[")


@attrs.define
class Gathered:
    """The files of a configuration, read and merged by ``gather``, which alone changes it."""

    data: Any = attrs.field(factory=dict)
    problems: list[Problem] = attrs.field(factory=list)
    contents: dict[str, bytes] = attrs.field(factory=dict)
    origins: dict[str, SourceRef] = attrs.field(factory=dict)

    def origin(self, pointer: str) -> SourceRef:
        """The place in a file that brought what ``pointer`` names in the merged data."""
        nearest = pointer
        while nearest and nearest not in self.origins:
            nearest = pointers.parent(nearest)
        source = self.origins[nearest]
        return SourceRef(source.file, source.pointer + pointer[len(nearest) :])


def gather(path: Path, environment: Mapping[str, str]) -> Gathered:
    """Read ``path`` and all that it includes. What is wrong stands in ``problems``; the rest is still merged."""
    gathered = Gathered(origins={"": SourceRef(str(path), "")})
    _Gathering(gathered, environment).add(path, None, ())
    return gathered


class _Gathering:
    """Reads files and merges them into one; used once."""

    def __init__(self, gathered: Gathered, environment: Mapping[str, str]) -> None:
        self.gathered = gathered
        self.environment = environment
        self.seen: dict[str, SourceRef] = {}

    def add(self, path: Path, asked: SourceRef | None, way: tuple[str, ...]) -> None:
        """Read one file and what it includes. ``asked`` is the entry that included it, ``way`` the files above."""
        file, real = str(path), os.path.realpath(path)
        self.seen[real] = asked or SourceRef(file, "")
        try:
            content = read(path)
        except OSError as error:
            subject = "the file" if asked is None else file
            message = f"{subject} cannot be read: {error.strerror or error}"
            where = asked or SourceRef(file, "")
            self._note(where, message, "correct the path; it is relative to the file that names it" if asked else None)
            return
        self.gathered.contents[file] = content
        try:
            data = parse(content, file, environment=self.environment)
        except DocumentError as error:
            self.gathered.problems += error.problems
            data = error.data
        if data is None:
            return
        if not isinstance(data, dict):
            message = "a configuration is a mapping of keys such as listen and apis"
            self.gathered.problems.append(Problem(file, 1, 1, "", message, "begin with 'listen: 127.0.0.1:8080'"))
            return
        self._take(data, file)
        self._follow(data.get("include"), path, (*way, real))

    def _take(self, data: dict[str, Any], file: str) -> None:
        if not self.gathered.data:
            self.gathered.data = data
            self.gathered.origins[""] = SourceRef(file, "")
        else:
            rest = {key: value for key, value in data.items() if key != "include"}
            self.gathered.data = self._merge(self.gathered.data, rest, "", SourceRef(file, ""))

    def _merge(self, ours: dict[str, Any], theirs: dict[str, Any], pointer: str, source: SourceRef) -> dict[str, Any]:
        """``ours`` with ``theirs``, which ``source`` names. Both stay as they are: an alias may share them."""
        merged = dict(ours)
        for key, value in theirs.items():
            place = pointers.child(pointer, key)
            origin = SourceRef(source.file, pointers.child(source.pointer, key))
            if key not in merged:
                merged[key] = value
                self.gathered.origins[place] = origin
            elif isinstance(value, dict) and isinstance(merged[key], dict):
                merged[key] = self._merge(merged[key], value, place, origin)
            elif isinstance(value, list) and isinstance(merged[key], list):
                merged[key] = self._extend(merged[key], value, place, origin)
            elif merged[key] != value and UNREADABLE not in (merged[key], value):
                self._conflict(key, place, origin)
        return merged

    def _extend(self, ours: list[Any], theirs: list[Any], pointer: str, source: SourceRef) -> list[Any]:
        for index in range(len(theirs)):
            place = pointers.child(pointer, len(ours) + index)
            self.gathered.origins[place] = SourceRef(source.file, pointers.child(source.pointer, index))
        return ours + theirs

    def _conflict(self, key: str, place: str, origin: SourceRef) -> None:
        first = self.gathered.origin(place)
        probe = Problem(first.file, None, None, first.pointer, "", at_key=True)
        (other,) = locate_problems([probe], self.gathered.contents)
        message = f"{key!r} has one value here and another at {other.location}"
        self._note(origin, message, "keep it in one file", at_key=True)

    def _follow(self, entries: Any, path: Path, way: tuple[str, ...]) -> None:
        if not isinstance(entries, list):
            return  # a wrong type is refused with the rest of the structure
        for index, entry in enumerate(entries):
            asked = SourceRef(str(path), f"/include/{index}")
            if not isinstance(entry, str):
                continue
            for found in self._expand(path.parent, entry, asked):
                real = os.path.realpath(found)
                if real in way:
                    names = " -> ".join(os.path.basename(name) for name in (*way[way.index(real) :], real))
                    self._note(asked, f"the files include each other: {names}", "remove this entry")
                elif real in self.seen:
                    self._note(asked, f"{found} is included twice", "remove one of the entries")
                else:
                    self.add(found, asked, way)

    def _expand(self, folder: Path, entry: str, asked: SourceRef) -> list[Path]:
        """The files that an entry names. Folders and patterns pass over what was included before."""
        target = Path(os.path.normpath(folder / entry))
        if _WILD.intersection(entry):
            found = sorted(file for file in _glob(folder, entry) if file.is_file())
        elif target.is_dir():
            found = sorted(file for file in target.iterdir() if file.suffix in _SUFFIXES and file.is_file())
        elif target.is_file():
            return [target]
        else:
            hint = "correct the path; it is relative to the file that names it"
            self._note(asked, f"there is no file or folder {entry!r} in {folder}", hint)
            return []
        visible = [file for file in found if not file.name.startswith(".")]
        return [file for file in visible if os.path.realpath(file) not in self.seen]

    def _note(self, source: SourceRef, message: str, hint: str | None, *, at_key: bool = False) -> None:
        self.gathered.problems.append(Problem(source.file, None, None, source.pointer, message, hint, at_key))


def _glob(folder: Path, pattern: str) -> list[Path]:
    """Files of a pattern, which may begin at the root or go up."""
    absolute = Path(os.path.normpath(folder / pattern))
    fixed = list(takewhile(lambda part: not _WILD & set(part), absolute.parts))
    start = Path(*fixed) if fixed else Path()
    return list(start.glob(str(Path(*absolute.parts[len(fixed) :]))))
