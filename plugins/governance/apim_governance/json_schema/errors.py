"""What is wrong with a value, and a run of a validator that collects it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

__all__ = [
    "Check",
    "Evaluated",
    "Place",
    "Run",
    "SchemaFailure",
    "UnresolvableReference",
    "ValidationError",
    "place_of",
]

Place = tuple[Any, str | int] | None
"""Where a value stands: its holder's place, and the name or number in it. None is the value that is validated."""


class SchemaFailure(ValueError):
    """A schema that cannot be used: its own metaschema refuses it, or it says what cannot be."""


class UnresolvableReference(SchemaFailure):
    """A ``reference`` in a schema that leads nowhere."""

    def __init__(self, reference: str, base: str) -> None:
        super().__init__(f"can't resolve reference {reference} from id {base or '#'}")
        self.reference = reference


class ValidationError:
    """One thing that is wrong with a value.

    ``path`` is a JSON pointer to what is wrong; ``schema_path`` leads to the keyword that says so, from the schema or
    from the target of the last reference; ``holder`` is the schema that the keyword stands in.
    """

    __slots__ = ("holder", "keyword", "message", "params", "path", "schema_path")

    def __init__(
        self, keyword: str, path: str, schema_path: str, params: Mapping[str, Any], message: str, holder: Any
    ) -> None:
        self.keyword = keyword
        self.path = path
        self.schema_path = schema_path
        self.params = params
        self.message = message
        self.holder = holder

    def __repr__(self) -> str:
        return f"<{self.path or '/'} {self.message} ({self.schema_path})>"


class Run:
    """One validation. ``all_errors`` goes on after the first error; while ``quiet``, errors are not written down.

    ``composite`` says that a part is validated that may fail without the whole failing. ``scope`` are the resources
    that references led through, outermost first; ``evaluated`` what of the present value has been looked at. ``known``,
    if there is such a thing, are values by their ids that a schema that remembers has held for.
    """

    __slots__ = ("all_errors", "composite", "errors", "evaluated", "known", "quiet", "scope")

    def __init__(self, all_errors: bool, scope: tuple[str, ...], known: dict[int, Any] | None = None) -> None:
        self.all_errors = all_errors
        self.composite = False
        self.errors: list[ValidationError] = []
        self.evaluated = Evaluated()
        self.known = known
        self.quiet = False
        self.scope = scope

    def passes(self, check: Check, data: Any, place: Place) -> bool:
        """Whether a value passes, without a word of why not."""
        before = self.quiet, self.all_errors
        self.quiet, self.all_errors = True, False
        try:
            return check(data, place, self)
        finally:
            self.quiet, self.all_errors = before


class Evaluated:
    """Names and item numbers of a value that keywords have looked at; True is all of them."""

    __slots__ = ("first", "items", "names")

    def __init__(self) -> None:
        self.names: set[str] | bool = set()
        self.first: int | bool = 0
        self.items: set[int] = set()

    def add(self, other: Evaluated) -> None:
        """Count what was evaluated elsewhere."""
        if self.names is not True and other.names is not True:
            assert isinstance(self.names, set)
            assert isinstance(other.names, set)
            self.names |= other.names
        else:
            self.names = True
        self.first = self.first is True or other.first is True or max(self.first, other.first)
        self.items |= other.items


Check = Callable[[Any, Place, Run], bool]
"""Judges a value: whether it is valid. What is wrong is added to the errors of the run."""


def place_of(place: Place) -> str:
    """A place as a JSON pointer."""
    parts: list[str] = []
    while place is not None:
        place, part = place
        parts.append(str(part).replace("~", "~0").replace("/", "~1"))
    return "".join(f"/{part}" for part in reversed(parts))
