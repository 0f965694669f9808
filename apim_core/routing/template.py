"""Path templates: text such as ``/orders/{id}`` taken apart into segments."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias

import attrs

__all__ = ["PARAMETER", "Canonical", "Partial", "Segment", "Template", "TemplateError", "canonical_segments"]

Canonical: TypeAlias = Callable[[str], str]
"""Makes a path canonical; raises ValueError where it cannot."""

Partial: TypeAlias = tuple[str, ...]
"""The literals around the parameters of a mixed segment: ``v{major}.{minor}`` is ``("v", ".", "")``."""

Segment: TypeAlias = str | Partial | None
"""A literal, a mixed segment, or PARAMETER."""

PARAMETER = None

_BRACES = re.compile(r"\{([^{}]*)\}")


class TemplateError(ValueError):
    """A path template (or context) that cannot be understood; ``reason`` says why."""

    def __init__(self, template: str, reason: str) -> None:
        super().__init__(f"{template!r} is not a path template: {reason}")
        self.template = template
        self.reason = reason


@attrs.frozen
class Template:
    """A template, parsed: literals are canonical, ``names`` are those of the parameters from left to right."""

    segments: tuple[Segment, ...]
    names: tuple[str, ...]
    rest: bool

    @property
    def shape(self) -> tuple[tuple[Segment, ...], bool]:
        """The same for templates that match the same paths by the same segments, whatever the parameters' names."""
        return self.segments, self.rest

    @property
    def is_static(self) -> bool:
        """Whether it matches one path only."""
        return not self.names and not self.rest

    @classmethod
    def parse(cls, text: str, canonical: Canonical) -> Template:
        """Take ``text`` apart. Raises TemplateError."""
        if not text.startswith("/"):
            raise TemplateError(text, "it must begin with /")
        parts = text[1:].split("/")
        rest = parts[-1] == "*"
        if rest or parts[-1] == "":
            parts.pop()
        names: list[str] = []
        segments = tuple(_segment(text, part, names, canonical) for part in parts)
        for name in names:
            if names.count(name) > 1:
                raise TemplateError(text, f"the parameter {name!r} is there twice")
        return cls(segments, (*names, "*") if rest else tuple(names), rest)


def canonical_segments(context: str, canonical: Canonical) -> tuple[str, ...]:
    """The segments of a context path; none for ``/``. Raises TemplateError where it has parameters."""
    template = Template.parse(context, canonical)
    if not template.is_static:
        raise TemplateError(context, "a context has no parameters and no *")
    return tuple(segment for segment in template.segments if isinstance(segment, str))


def _segment(template: str, text: str, names: list[str], canonical: Canonical) -> Segment:
    if not text:
        raise TemplateError(template, "it has an empty segment: write one / between segments")
    if "*" in text and "{" not in text:
        raise TemplateError(template, f"{text!r}: * may only stand alone, as the last segment")
    pieces = _BRACES.split(text)
    literals, found = pieces[::2], pieces[1::2]
    if any(brace in literal for literal in literals for brace in "{}"):
        raise TemplateError(template, f"{text!r} has a brace without its partner")
    for name in found:
        if not name or "*" in name:
            raise TemplateError(template, f"{text!r}: a parameter needs a name, without *")
    names.extend(found)
    if not found:
        return _literal(template, "", text, canonical)
    if len(found) == 1 and literals == ["", ""]:
        return PARAMETER
    if "" in literals[1:-1]:
        raise TemplateError(template, f"{text!r}: there must be something between two parameters of one segment")
    # The x keeps a piece such as ".." from being taken for a dot segment, which it is not where it stands.
    return tuple(_literal(template, "x", literal, canonical) for literal in literals)


def _literal(template: str, before: str, text: str, canonical: Canonical) -> str:
    if "?" in text or "#" in text:
        raise TemplateError(template, f"{text!r}: a template ends before the query")
    try:
        path = canonical(f"/{before}{text}")
    except ValueError as error:
        raise TemplateError(template, f"{text!r}: {error}") from error
    literal = path[1 + len(before) :]
    if "/" in literal or (text and not literal):
        raise TemplateError(template, f"{text!r} is not one plain segment")
    return literal
