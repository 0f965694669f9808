"""References: a document with what they point to in their places, and where things of it really stand.

The resolved data is a graph: a reference is replaced by the very object that it points to, so what is referred to in a
thousand places is there once. Parts without any reference are those of the source itself. A reference to something that
holds it stays as it is written, so there are no cycles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import attrs
from apim_sdk.governance import JSONPath

from apim_governance.documents.document import Document, read_document
from apim_governance.documents.limits import LARGEST, MOST_DOCUMENTS, MOST_VALUES
from apim_governance.documents.pointers import Link, NotThere, closest, link_of, parts_of, path_of, pointed
from apim_governance.findings import NOWHERE, Finding, Severity

__all__ = ["INVALID_REF", "Origin", "Resolved", "joined", "resolve"]

INVALID_REF: Final = "invalid-ref"
MOST_COPIED: Final = 20_000
"""Values that are there once more because something beside a reference hides them."""
MOST_HOPS: Final = 100
"""References that the path of a single one may lead through."""

Read = Callable[[str], str]
"""Gives the text of a file or URL. Raises OSError."""


@attrs.frozen
class Origin:
    """Where something stands in a source: the document and the path; ``asked`` is the path that was asked for, whose
    end may not be there."""

    document: Document
    path: JSONPath
    asked: JSONPath


@attrs.frozen
class _End:
    """What a reference leads to in the end, and where that stands."""

    document: Document
    place: JSONPath
    value: Any


class Resolved:
    """A resolved document. ``problems`` are references that lead nowhere."""

    def __init__(self, document: Document, read: Read | None) -> None:
        self.document = document
        self.problems: list[Finding] = []
        self._read = read
        self._characters = len(document.text)
        self._values = document.values
        self._documents: dict[str, Document | None] = {}
        if document.source is not None:
            self._documents[document.source] = document
        self._made: dict[int, Any] = {}
        self._open: set[int] = set()
        self._ends: dict[int, _End] = {}
        self._endless: set[int] = set()
        self._hidden: list[tuple[Any, Any, Any, list[str]]] = []
        self.root = self._resolve(document.data, document, ())
        self._unhide()
        self.problems = _once(self.problems, document)

    def origin(self, path: JSONPath) -> Origin:
        """Where what stands at a path of the resolved data is written.

        What can be reached without a reference stands where it stands; so does what stands beside one. For anything
        else the references on the way are followed, and one at its end.
        """
        document = self.document
        place = closest(self.root, path)
        data = document.data
        for part in place:
            try:
                data = pointed(data, part)
            except NotThere:
                if _reference(data) is None:
                    return Origin(document, place, path)
                return self._mapped(place, path, _behind(path, place[-1]))
        if isinstance(data, dict) and len(data) == 1 and _reference(data) is not None:
            return self._mapped(place, path, ())  # what is missing in what a reference leads to is not told
        return Origin(document, closest(document.data, path), path)

    def _mapped(self, there: JSONPath, path: JSONPath, missing: JSONPath) -> Origin:
        """The same, through every reference on the way; ``there`` is the part of the path that leads to something.

        Where a reference on the way leads nowhere, things stand where the first of them is written.
        """
        try:
            return self._followed(there, path, missing)
        except _Broken:
            return Origin(self.document, closest(self.document.data, there), there)

    def _followed(self, there: JSONPath, path: JSONPath, missing: JSONPath) -> Origin:
        document, data = self.document, self.document.data
        place: list[str | int] = []
        for index, part in enumerate(there):
            document, data, place = self._follow(document, data, place)
            try:
                data = pointed(data, part)
            except NotThere:
                return Origin(document, tuple(place), (*place, *path[index:]))
            place.append(part)
        end = self._follow(document, data, place)
        if _reference(_at(self.root, there)) is None:  # else it has been left as it is, for it leads into a circle
            document, data, place = end
        return Origin(document, tuple(place), (*place, *missing))

    def _follow(self, document: Document, data: Any, place: list[str | int]) -> tuple[Document, Any, list[str | int]]:
        """What a reference leads to, and a reference there, and so on; anything else stays. Raises _Broken."""
        end = self._ends.get(id(data))
        if end is not None:
            return end.document, end.value, list(end.place)
        seen: set[int] = set()
        while (reference := _reference(data)) is not None and id(data) not in seen and len(seen) < MOST_HOPS:
            seen.add(id(data))
            document, parts, data = self._target(reference, document)
            place = list(parts)
        return document, data, place

    # Making the graph

    def _resolve(self, root: Any, document: Document, where: Link) -> Any:
        """The resolved form of a value that stands at a place of a document. Without recursion over its depth."""
        if not isinstance(root, dict | list):
            return root
        result: list[Any] = [None]
        # What is to be done: a value to look at, with where the result goes; or a container that is finished.
        work: list[tuple[Any, Document, Link, Any, Any]] = [(root, document, where, result, 0)]
        while work:
            value, document, where, holder, key = work.pop()
            if holder is _FINISHED:
                self._open.discard(id(value))
                continue
            holder[key] = self._begin(value, document, where, work)
            if len(value) > 1 and _reference(value) is not None and isinstance(holder[key], dict):
                hidden = [name for name in value if name in holder[key]]
                if hidden and holder[key] is not value:
                    self._hidden.append((holder, key, holder[key], hidden))
        return result[0]

    def _unhide(self) -> None:
        """Give references their own copies of what is behind members that stand beside them.

        What is found there cannot be told where it is written, for the member beside the reference hides it: it is
        told by the way there, which is another one for each reference. There are bounds, for copies can multiply.
        """
        room = MOST_COPIED
        for holder, key, target, names in self._hidden:
            size = sum(_size(target[name], room) for name in names)
            if size > room:
                return
            room -= size
            holder[key] = {name: _copied(value) if name in names else value for name, value in target.items()}

    def _begin(self, value: Any, document: Document, where: Link, work: list[Any]) -> Any:
        """The resolved form of one value; of a container, with work left to do."""
        original = value
        if _reference(value) is not None:
            end = self._end(value, document, path_of(where))
            if end is None:
                return original
            document, where, value = end.document, link_of(end.place), end.value
        if not isinstance(value, dict | list):
            return value
        if id(value) in self._open:
            return original  # it leads back to what holds it
        known = self._made.get(id(value))
        if known is not None:
            return known
        made: Any = dict.fromkeys(value) if isinstance(value, dict) else [None] * len(value)
        self._made[id(value)] = made
        self._open.add(id(value))
        work.append((value, document, where, _FINISHED, made))
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for part, inner in items:
            if isinstance(inner, dict | list) and inner:
                work.append((inner, document, (where, part), made, part))
            else:
                made[part] = inner
        return made

    def _end(self, value: Any, document: Document, where: JSONPath) -> _End | None:
        """Where a reference ends that may lead to others; None, if that is told or a circle. Each is followed once."""
        chain: dict[int, None] = {}
        end: _End | None = None
        while (reference := _reference(value)) is not None:
            if id(value) in chain or id(value) in self._endless:
                self._endless.update(chain)
                return None
            end = self._ends.get(id(value))
            if end is not None:
                break
            try:
                target = self._target(reference, document)
            except _Broken as broken:
                self._tell(broken, document, where)
                self._endless.update(chain)  # but not this one, which may stand in several places
                return None
            chain[id(value)] = None
            document, where, value = target
        end = end or _End(document, where, value)
        self._ends.update(dict.fromkeys(chain, end))
        return end

    def _target(self, reference: str, document: Document) -> tuple[Document, JSONPath, Any]:
        """The document, path and value that a reference leads to. Raises _Broken."""
        return self._pointed(reference, document, iter(range(MOST_HOPS)))

    def _pointed(self, reference: str, document: Document, hops: Iterator[int]) -> tuple[Document, JSONPath, Any]:
        """The same; each reference that it leads through takes one of the hops."""
        if next(hops, None) is None:
            raise _Broken(reference, f"it leads through more than {MOST_HOPS} references")
        location, _, fragment = reference.partition("#")
        if location:
            document = self._document(joined(document.source, location), reference)
        try:
            parts = parts_of(fragment)
        except ValueError as error:
            raise _Broken(reference, str(error)) from None
        data = document.data
        for part in parts:
            try:
                data = pointed(data, part)
            except NotThere:
                inner = _reference(data)
                if inner is None or inner == reference:
                    raise _Broken(reference, f"'#{fragment}' does not exist") from None
                found, _, data = self._pointed(inner, document, hops)
                if found is not document:
                    raise _Broken(reference, f"'#{fragment}' does not exist") from None
                try:
                    data = pointed(data, part)
                except NotThere:
                    raise _Broken(reference, f"'#{fragment}' does not exist") from None
        return document, parts, data

    def _document(self, source: str, reference: str) -> Document:
        if source not in self._documents:
            if self._read is None:
                raise _Broken(reference, f"{source!r} is another document, and none are read here")
            if len(self._documents) >= MOST_DOCUMENTS:
                raise _Broken(reference, f"more than {MOST_DOCUMENTS} documents refer to each other")
            try:
                self._documents[source] = self._read_within(source, reference)
            except (OSError, UnicodeError) as error:
                self._documents[source] = None
                raise _Broken(reference, _reason(error, source)) from None
        known = self._documents[source]
        if known is None:
            raise _Broken(reference, _reason(FileNotFoundError(), source))
        return known

    def _read_within(self, source: str, reference: str) -> Document:
        """Another document, if all together are not too much. Raises OSError, UnicodeError and _Broken."""
        assert self._read is not None
        text = self._read(source)
        self._characters += len(text)
        if self._characters > LARGEST:
            raise _Broken(reference, f"the documents that refer to each other have more than {LARGEST:,} characters")
        document = read_document(text, source)
        self._values += document.values
        if self._values > MOST_VALUES:
            raise _Broken(reference, f"the documents that refer to each other have more than {MOST_VALUES:,} values")
        return document

    def _tell(self, broken: _Broken, document: Document, where: JSONPath) -> None:
        place = document.range_of((*where, "$ref")) or NOWHERE
        self.problems.append(
            Finding(INVALID_REF, broken.reason, Severity.ERROR, (*where, "$ref"), place, document.source)
        )


class _Broken(Exception):
    """A reference that leads nowhere."""

    def __init__(self, reference: str, reason: str) -> None:
        super().__init__(reason)
        self.reference = reference
        self.reason = reason


_FINISHED: Final = object()


def _size(value: Any, most: int) -> int:
    """How many values there are in a value, itself with them; more than ``most``, if there are more."""
    count = 0
    values = [value]
    while values and count <= most:
        value = values.pop()
        count += 1
        if isinstance(value, dict | list):
            values.extend(value.values() if isinstance(value, dict) else value)
    return count


def _copied(value: Any) -> Any:
    """A value with everything in it, once more. Without recursion over its depth."""
    result: list[Any] = [value]
    work: list[tuple[Any, Any]] = [(result, 0)]
    while work:
        holder, key = work.pop()
        inner = holder[key]
        if isinstance(inner, dict | list):
            made: Any = dict(inner) if isinstance(inner, dict) else list(inner)
            holder[key] = made
            work.extend((made, part) for part in (made if isinstance(made, dict) else range(len(made))))
    return result[0]


def resolve(document: Document, read: Read | None = None) -> Resolved:
    """A document with its references resolved; ``read`` gives other documents, without it there are none."""
    return Resolved(document, read)


def _reference(value: Any) -> str | None:
    if isinstance(value, dict):
        reference = value.get("$ref")
        if isinstance(reference, str):
            return reference
    return None


def _once(problems: list[Finding], document: Document) -> list[Finding]:
    """Of those that say the same, the one that stands first; as Spectral has it."""
    first: dict[str, Finding] = {}
    for problem in sorted(problems, key=lambda each: (each.source != document.source, each.range.start)):
        first.setdefault(problem.message, problem)
    return list(first.values())


def _behind(path: JSONPath, name: str | int) -> JSONPath:
    """What is behind the last part of that name."""
    names = list(map(str, path))
    return path[len(names) - names[::-1].index(str(name)) :]


def _at(data: Any, path: JSONPath) -> Any:
    """What stands at a path that leads to something."""
    for part in path:
        data = pointed(data, part)
    return data


def joined(base: str | None, location: str) -> str:
    """Where a relative location leads from a document."""
    if base is None or urlsplit(location).scheme in ("http", "https") or location.startswith("/"):
        return location
    if urlsplit(base).scheme in ("http", "https"):
        return urljoin(base, location)
    parts: list[str] = []
    for part in PurePosixPath(base).parent.joinpath(location).parts:
        if part == ".." and parts and parts[-1] not in ("..", "/"):
            parts.pop()
        else:
            parts.append(part)
    return str(PurePosixPath(*parts))


def _reason(error: OSError | UnicodeError, source: str) -> str:
    return f"ENOENT: no such file or directory, open '{source}'" if isinstance(error, FileNotFoundError) else str(error)
