"""The drafts of JSON Schema: which keywords each has, for which type, and in which order they are looked at."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Final

import attrs
from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]  # it has no types

from apim_governance.json_schema.errors import Check
from apim_governance.json_schema.keywords import arrays, general, objects, scalars
from apim_governance.json_schema.messages import error_message
from apim_governance.json_schema.nodes import Node

__all__ = ["DIALECTS", "Dialect", "Keyword", "metaschemas"]

Keyword = tuple[str, Callable[[Node, str], Check | None], tuple[str, ...]]
"""A name, what compiles it, and the types that its value may have."""

_NUMBER: Final = ("number",)
_SCHEMA: Final = ("object", "boolean")
_LIMITS: Final[tuple[Keyword, ...]] = tuple(
    (name, scalars.limit, _NUMBER) for name in ("maximum", "minimum", "exclusiveMaximum", "exclusiveMinimum")
)
_DRAFT4_LIMITS: Final[tuple[Keyword, ...]] = (
    ("maximum", scalars.draft4_limit, _NUMBER),
    ("minimum", scalars.draft4_limit, _NUMBER),
    ("exclusiveMaximum", scalars.needs_limit, ("boolean",)),
    ("exclusiveMinimum", scalars.needs_limit, ("boolean",)),
)
_NUMBERS: Final[tuple[Keyword, ...]] = (
    ("multipleOf", scalars.multiple_of, _NUMBER),
    ("format", scalars.number_format, ("string",)),
)
_TEXTS: Final[tuple[Keyword, ...]] = (
    ("maxLength", scalars.text_length, _NUMBER),
    ("minLength", scalars.text_length, _NUMBER),
    ("pattern", scalars.pattern, ("string",)),
    ("format", scalars.text_format, ("string",)),
    *(
        (f"format{bound}", scalars.format_limit, ("string",))
        for bound in ("Maximum", "Minimum", "ExclusiveMaximum", "ExclusiveMinimum")
    ),
)
_ANY: Final[tuple[Keyword, ...]] = (
    ("$ref", general.reference, ("string",)),
    ("const", general.constant, ()),
    ("enum", general.enumeration, ("array",)),
    ("not", general.negation, _SCHEMA),
    ("anyOf", general.any_of, ("array",)),
    ("oneOf", general.one_of, ("array",)),
    ("allOf", general.all_of, ("array",)),
    ("if", general.if_then_else, _SCHEMA),
)
_DYNAMIC: Final[tuple[Keyword, ...]] = (
    ("$dynamicRef", general.dynamic_reference, ("string",)),
    ("$recursiveRef", general.recursive_reference, ("string",)),
)
_COUNTS: Final[tuple[Keyword, ...]] = (
    ("maxItems", arrays.item_count, _NUMBER),
    ("minItems", arrays.item_count, _NUMBER),
)
_ITEMS: Final[tuple[Keyword, ...]] = (
    ("additionalItems", arrays.additional_items, ("boolean", "object")),
    ("items", arrays.items, ("object", "array", "boolean")),
)
_PREFIX_ITEMS: Final[tuple[Keyword, ...]] = (
    ("prefixItems", arrays.prefix_items, ("array",)),
    ("items", arrays.items_after_prefix, _SCHEMA),
)
_CONTAINS: Final[tuple[Keyword, ...]] = (
    ("contains", arrays.contains, _SCHEMA),
    ("uniqueItems", arrays.unique_items, ("boolean",)),
)
_UNEVALUATED_ITEMS: Final[tuple[Keyword, ...]] = (
    ("unevaluatedItems", arrays.unevaluated_items, ("boolean", "object")),
)
_OBJECTS: Final[tuple[Keyword, ...]] = (
    ("maxProperties", objects.property_count, _NUMBER),
    ("minProperties", objects.property_count, _NUMBER),
    ("required", objects.required, ("array",)),
    ("propertyNames", objects.property_names, _SCHEMA),
    ("additionalProperties", objects.additional_properties, ("boolean", "object")),
    ("dependencies", objects.dependencies, ("object",)),
    ("properties", objects.properties, ("object",)),
    ("patternProperties", objects.pattern_properties, ("object",)),
)
_NEXT_OBJECTS: Final[tuple[Keyword, ...]] = (
    ("dependentRequired", objects.dependent_required, ("object",)),
    ("dependentSchemas", objects.dependent_schemas, ("object",)),
    ("unevaluatedProperties", objects.unevaluated_properties, ("boolean", "object")),
)
_NO_CODE: Final = frozenset(("$comment", "else", "nullable", "then", "type"))
_UNSUPPORTED: Final[tuple[Keyword, ...]] = (("id", general.unsupported_id, ()),)


@attrs.frozen(eq=False)
class Dialect:
    """A draft. ``groups`` are its keywords by the type that they are for, None for any, in order.

    ``known`` are the metaschemas that a schema may name as its ``$schema``, ``metaschema`` the one of a schema that
    names none.
    """

    name: str
    identifier: str
    metaschema: str
    known: frozenset[str]
    groups: tuple[tuple[str | None, tuple[Keyword, ...]], ...]
    counts_contained: bool = False
    keywords: frozenset[str] = attrs.field(init=False)
    """All that are more than words of explanation."""

    @keywords.default
    def _keywords(self) -> frozenset[str]:
        return _NO_CODE | {name for _, keywords in self.groups for name, _, _ in keywords}


_ERROR_MESSAGE: Final[tuple[Keyword, ...]] = (("errorMessage", error_message, ()),)


def _groups(
    limits: tuple[Keyword, ...], general: tuple[Keyword, ...], items: tuple[Keyword, ...], objects: tuple[Keyword, ...]
) -> tuple[tuple[str | None, tuple[Keyword, ...]], ...]:
    return (
        (None, general),
        ("number", limits + _NUMBERS),
        ("string", _TEXTS),
        ("array", items),
        ("object", objects),
        (None, _ERROR_MESSAGE),
    )


_DRAFT4: Final = "http://json-schema.org/draft-04/schema"
_DRAFT6: Final = "http://json-schema.org/draft-06/schema"
_DRAFT7: Final = "http://json-schema.org/draft-07/schema"
_DRAFT2019: Final = "https://json-schema.org/draft/2019-09/schema"
_DRAFT2020: Final = "https://json-schema.org/draft/2020-12/schema"

_draft7 = Dialect(
    "draft7",
    "$id",
    _DRAFT7,
    frozenset((_DRAFT4, _DRAFT6, _DRAFT7)),
    _groups(_LIMITS, _UNSUPPORTED + _ANY, _COUNTS + _ITEMS + _CONTAINS, _OBJECTS),
)
DIALECTS: Final[Mapping[str, Dialect]] = MappingProxyType(
    {
        "draft4": Dialect(
            "draft4",
            "id",
            _DRAFT4,
            frozenset((_DRAFT4, "http://json-schema.org/schema")),
            _groups(_DRAFT4_LIMITS, _ANY, _COUNTS + _ITEMS + _CONTAINS, _OBJECTS),
        ),
        "draft6": _draft7,
        "draft7": _draft7,
        "draft2019-09": Dialect(
            "draft2019-09",
            "$id",
            _DRAFT2019,
            frozenset((_DRAFT2019,)),
            _groups(
                _LIMITS,
                _DYNAMIC + _UNSUPPORTED + _ANY,
                _COUNTS + _ITEMS + _CONTAINS + _UNEVALUATED_ITEMS,
                _OBJECTS + _NEXT_OBJECTS,
            ),
            counts_contained=True,
        ),
        "draft2020-12": Dialect(
            "draft2020-12",
            "$id",
            _DRAFT2020,
            frozenset((_DRAFT2020,)),
            _groups(
                _LIMITS,
                _DYNAMIC + _UNSUPPORTED + _ANY,
                _COUNTS + _PREFIX_ITEMS + _CONTAINS + _UNEVALUATED_ITEMS,
                _OBJECTS + _NEXT_OBJECTS,
            ),
            counts_contained=True,
        ),
    }
)
"""The drafts by their names. Drafts 6 and 7 are one: what 7 adds is nothing in 6."""


@cache
def metaschemas() -> Mapping[str, Any]:
    """Every metaschema and vocabulary by its URI, as validators for JavaScript have them."""
    found: dict[str, Any] = {}
    for uri in REGISTRY:
        found[uri.removesuffix("#")] = json.loads(json.dumps(REGISTRY.contents(uri)))
    for uri in (_DRAFT6, _DRAFT7):
        found[uri]["properties"]["enum"] |= {"minItems": 1, "uniqueItems": True}
    del found[_DRAFT6]["properties"]["patternProperties"]["propertyNames"]
    return MappingProxyType(found)
