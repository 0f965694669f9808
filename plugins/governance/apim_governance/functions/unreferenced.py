"""``unreferencedReusableObject``: what stands ready to be referred to, and is not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

import attrs
from apim_sdk.governance import JSONPath, RuleContext, RulesetFunction, Violation

from apim_governance.documents.pointers import parts_of, pointer_to
from apim_governance.functions.options import Options

__all__ = ["UnreferencedReusableObject", "references_in", "unreferenced"]

_NAME: Final = "unreferencedReusableObject"
_WANTED: Final = (
    f'"{_NAME}" and its "reusableObjectsLocation" option support only valid JSON Pointer fragments, '
    'i.e. "#", "#/foo", "#/paths/~1user"'
)
_FRAGMENT: Final = re.compile(r"#(?:/(?:[\w\-.!$&'()*+,;:=@]|%[0-9a-f]{2}|~0|~1)*)*", re.A | re.I)
"""A pointer as a fragment of a URI (RFC 6901, section 6)."""


@attrs.frozen
class UnreferencedReusableObject(RulesetFunction):
    """Every member of the mapping must be referred to from somewhere in the document."""

    location: JSONPath
    """Where the mapping stands."""

    @classmethod
    def from_options(cls, written: Any) -> UnreferencedReusableObject:
        """See ``functions.function``."""
        example = '{ "reusableObjectsLocation": "#/components/schemas" }, { "reusableObjectsLocation": "#/$defs" }'
        option = "reusableObjectsLocation"
        options = Options(_NAME, written, (option,), example)
        if option not in written:
            options.add(f'"{_NAME}" function is missing "{option}" option. Example valid options: {example}')
        location = options.get(option, str, _WANTED, holds=lambda value: _FRAGMENT.fullmatch(value) is not None)
        options.check()
        return cls(parts_of(location.removeprefix("#")))

    def check(self, target: Any, context: RuleContext) -> Iterable[str | Violation]:
        yield from unreferenced(target, self.location, context)


def unreferenced(target: Any, location: JSONPath, context: RuleContext) -> Iterator[Violation]:
    """The members of a mapping that stand at a location and that nothing in the document refers to.

    A reference to something within a member is none to the member.
    """
    if not isinstance(target, dict) or not target:
        return
    used = set(references_in(context.document))
    for name in target:
        if pointer_to((*location, name)) not in used:
            yield Violation("Potential orphaned reusable object has been detected", (*location, name))


def references_in(value: Any) -> Iterator[str]:
    """Every ``$ref`` of a document, as it is written but for percent-encoding."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            reference = each.get("$ref")
            if isinstance(reference, str):
                location, _, fragment = reference.partition("#")
                try:
                    yield f"{location}{pointer_to(parts_of(fragment))}"
                except ValueError:
                    yield reference
            waiting.extend(each.values())
        elif isinstance(each, list):
            waiting.extend(each)
