"""Events of a YAML text -> plain data, with everything checked that must be known while the text is at hand.

libyaml (through PyYAML) splits the text into events; what they mean is decided here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs
import yaml

from apim_core.config import pointers
from apim_core.config.interpolation import UNREADABLE, InterpolationError, interpolate
from apim_core.config.problems import Problem
from apim_core.config.scalars import resolve

__all__ = ["LOADER", "STANDARD", "Bounds", "DocumentError", "build"]

LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Splits text into events; only its ``get_event`` is used. Without libyaml it is the same in Python, slower."""
_CORE: Final = "tag:yaml.org,2002:"
_CORE_SCALARS: Final[dict[str, tuple[type, ...]]] = {
    f"{_CORE}{name}": types
    for name, types in {
        "str": (str,),
        "int": (int,),
        "float": (float, int),
        "bool": (bool,),
        "null": (type(None),),
    }.items()
}


@attrs.frozen
class Bounds:
    """What a document may cost: its size in bytes, its depth, and the nodes that its aliases repeat."""

    size: int = 64 * 2**20
    depth: int = 100
    repeated_nodes: int = 100_000


STANDARD: Final = Bounds()


class DocumentError(Exception):
    """A document with problems. ``data`` is what could be read, with UNREADABLE where a single value could not."""

    def __init__(self, problems: list[Problem], data: Any = None) -> None:
        super().__init__(problems)
        self.problems = problems
        self.data = data


def build(text: str, file: str, environment: Mapping[str, str] | None, bounds: Bounds) -> Any:
    """The data of the document in ``text``. Raises DocumentError; ``parse`` says more."""
    return _Builder(text, file, environment, bounds).build()


class _Stop(Exception):
    """The rest of the document cannot be read; the problem is already noted."""


_NO_KEY: Final = object()


class _Builder:
    """Builds the data of one document from its events; used once."""

    def __init__(self, text: str, file: str, environment: Mapping[str, str] | None, bounds: Bounds) -> None:
        self.loader = LOADER(text)
        self.text = text
        self.file = file
        self.environment = environment
        self.bounds = bounds
        self.problems: list[Problem] = []
        self.anchors: dict[str, Any] = {}
        self.sizes: dict[int, int] = {}
        self.repeated = 0
        self.path: list[tuple[Any, Any, str | None]] = []
        self.container: Any = None
        self.key: Any = _NO_KEY
        self.plain: dict[str, Any] = {}
        self.quoted: dict[str, str] = {}

    def build(self) -> Any:
        root: list[Any] = []
        self.container = root
        handlers: dict[type, Callable[[Any], None]] = {
            yaml.ScalarEvent: self._scalar,
            yaml.MappingStartEvent: self._start_mapping,
            yaml.SequenceStartEvent: self._start_sequence,
            yaml.MappingEndEvent: self._end,
            yaml.SequenceEndEvent: self._end,
            yaml.AliasEvent: self._alias,
            yaml.DocumentStartEvent: self._start_document,
        }
        next_event = self.loader.get_event
        try:
            while (event := next_event()) is not None:
                handler = handlers.get(event.__class__)
                if handler is not None:
                    handler(event)
                elif event.__class__ is yaml.StreamEndEvent:
                    break
        except yaml.MarkedYAMLError as error:
            self._note_syntax(error)
        except yaml.reader.ReaderError as error:
            self._note_character(error)
        except _Stop:
            pass
        finally:
            self.loader.dispose()
        data = root[0] if root else None
        if self.problems:
            raise DocumentError(self.problems, data)
        return data

    def _note(self, mark: Any, message: str, hint: str | None = None, *, at: str | None = None) -> None:
        pointer = self._pointer() if at is None else at
        self.problems.append(Problem(self.file, mark.line + 1, mark.column + 1, pointer, message, hint))

    def _note_syntax(self, error: yaml.MarkedYAMLError) -> None:
        mark = error.problem_mark or error.context_mark
        message = f"this is not YAML: {error.problem or error.context}"
        if error.context and error.context_mark is not None:
            message += f" ({error.context}, which began in line {error.context_mark.line + 1})"
        line, column = (None, None) if mark is None else (mark.line + 1, mark.column + 1)
        self.problems.append(Problem(self.file, line, column, self._pointer(), message, self._syntax_hint(error)))

    def _syntax_hint(self, error: yaml.MarkedYAMLError) -> str | None:
        problem, mark = error.problem or "", error.problem_mark
        if "cannot start any token" in problem and mark is not None:
            if self.text[mark.index : mark.index + 1] == "\t":
                return "indent with spaces, not with tabs"
            return "text that begins with @, ` or % needs quotes"
        if "mapping values are not allowed" in problem:
            return "text that holds ': ' needs quotes; else look for a missing line break or wrong indentation"
        if "did not find expected ',' or" in problem:
            return 'close the bracket, or quote text that holds brackets, braces or commas, such as "${env:NAME}"'
        if "did not find expected key" in problem:
            return "check the indentation of this line against the lines above it"
        return None

    def _note_character(self, error: yaml.reader.ReaderError) -> None:
        before = self.text[: error.position]
        line = before.count("\n") + 1
        column = len(before) - (before.rfind("\n") + 1) + 1
        code = error.character if isinstance(error.character, int) else ord(error.character)
        message = f"the control character U+{code:04X} is not allowed in YAML"
        hint = f'remove it, or write it as "\\u{code:04x}" in double quotes'
        self.problems.append(Problem(self.file, line, column, "", message, hint))

    def _pointer(self) -> str:
        """Where the builder stands: the way through the open containers."""
        segments: list[str | int] = []
        for container, key in [*((c, k) for c, k, _ in self.path[1:]), (self.container, self.key)]:
            if isinstance(container, list):
                segments.append(len(container))
            elif key is not _NO_KEY:
                segments.append(key)
        return pointers.join(segments) if self.path else ""

    def _start_document(self, event: Any) -> None:
        if self.container:
            self._note(event.start_mark, "a second document begins here", "keep one document to a file", at="")
            raise _Stop

    def _put(self, value: Any) -> None:
        if self.container.__class__ is dict:
            self.container[self.key] = value
            self.key = _NO_KEY
        else:
            self.container.append(value)

    def _scalar(self, event: Any) -> None:
        text = event.value
        if self.key is _NO_KEY and self.container.__class__ is dict:
            self._take_key(event, text)
            return
        value: Any
        if event.implicit[0]:
            try:
                value = self.plain[text]
            except KeyError:
                value = self.plain[text] = self._resolve(event, text)
        elif event.tag is None or event.implicit[1]:
            value = self.quoted.setdefault(text, text)
        else:
            value = self._tagged(event, text)
        if self.environment is not None and "${" in text:
            value = self._interpolate(event, text)
        if event.anchor:
            self._anchor(event, value, 1)
        self._put(value)

    def _take_key(self, event: Any, text: str) -> None:
        key = self.quoted.setdefault(text, text)
        if key in self.container:
            at = pointers.child(self._pointer(), key)
            self._note(event.start_mark, f"the key {key!r} stands twice in this mapping", "keep one", at=at)
        if event.anchor:
            self._anchor(event, key, 1)
        self.key = key

    def _resolve(self, event: Any, text: str) -> Any:
        try:
            return resolve(text)
        except ValueError as error:
            self._note(event.start_mark, str(error), "put it in quotes if it is text")
            return UNREADABLE

    def _tagged(self, event: Any, text: str) -> Any:
        expected = _CORE_SCALARS.get(event.tag)
        if expected is None:
            self._refuse_tag(event)
            return UNREADABLE
        value = text if str in expected else self._resolve(event, text)
        if not isinstance(value, expected) or (isinstance(value, bool) and bool not in expected):
            name = event.tag.removeprefix(_CORE)
            self._note(event.start_mark, f"{text!r} is tagged !!{name} and is none", "remove the tag")
        return value

    def _interpolate(self, event: Any, text: str) -> Any:
        assert self.environment is not None
        try:
            value = interpolate(text, self.environment)
        except InterpolationError as error:
            self._note(event.start_mark, str(error), error.hint)
            return UNREADABLE
        if isinstance(value, str) and event.implicit[0]:
            resolved = self._resolve(event, value)
            return value if isinstance(resolved, str) else resolved
        return value

    def _start_mapping(self, event: Any) -> None:
        self._open(event, {})

    def _start_sequence(self, event: Any) -> None:
        self._open(event, [])

    def _open(self, event: Any, container: Any) -> None:
        if event.tag is not None and event.tag not in (f"{_CORE}map", f"{_CORE}seq", "!"):
            self._refuse_tag(event)
        if self.key is _NO_KEY and self.container.__class__ is dict:
            self._note(event.start_mark, "a key must be text, not a mapping or a list", _brace_hint(container))
            raise _Stop
        if len(self.path) >= self.bounds.depth:
            message = f"the document is nested more than {self.bounds.depth} levels deep"
            self._note(event.start_mark, message, "flatten it")
            raise _Stop
        self.path.append((self.container, self.key, event.anchor))
        if event.anchor:
            self.anchors[event.anchor] = _NO_KEY  # still open: an alias to it would be a loop
        self.container = container
        self.key = _NO_KEY

    def _end(self, event: Any) -> None:
        done = self.container
        self.container, self.key, anchor = self.path.pop()
        if anchor:
            self.anchors[anchor] = done
            self.sizes[id(done)] = self._count(done)
        self._put(done)

    def _anchor(self, event: Any, value: Any, size: int) -> None:
        self.anchors[event.anchor] = value

    def _count(self, value: Any) -> int:
        """How many nodes ``value`` stands for, those of its aliases included."""
        known = self.sizes.get(id(value))
        if known is not None:
            return known
        if isinstance(value, dict):
            return 1 + sum(map(self._count, value.values()))
        if isinstance(value, list):
            return 1 + sum(map(self._count, value))
        return 1

    def _alias(self, event: Any) -> None:
        value = self.anchors.get(event.anchor, self)
        if value is self or value is _NO_KEY:
            problem = "has no anchor above it" if value is self else "stands inside its own anchor"
            self._note(event.start_mark, f"the alias *{event.anchor} {problem}", "quote the value if it is text")
            raise _Stop
        self.repeated += self._count(value)
        if self.repeated > self.bounds.repeated_nodes:
            message = f"the aliases of this document repeat more than {self.bounds.repeated_nodes} nodes"
            self._note(event.start_mark, message, "write the values out, or include them once")
            raise _Stop
        if self.key is _NO_KEY and self.container.__class__ is dict:
            if not isinstance(value, str):
                self._note(event.start_mark, "a key must be text, not an alias of something else")
                raise _Stop
            self._take_key(event, value)
        else:
            self._put(value)

    def _refuse_tag(self, event: Any) -> None:
        tag = event.tag.replace(_CORE, "!!")
        self._note(event.start_mark, f"the tag {tag} is not known here", "remove the tag")


def _brace_hint(container: Any) -> str:
    if isinstance(container, dict):
        return "text that begins with a brace, such as {{ path.id }}, needs quotes"
    return "quote the text"
