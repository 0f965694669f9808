"""Formats: what a document is, by the names that rulesets use."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import attrs

from apim_governance.documents import products

__all__ = ["FORMATS", "Format", "formats_of"]


@attrs.frozen
class Format:
    """A format: its ``name`` in rulesets, its ``title`` in messages, and how a document of it is known."""

    name: str
    title: str
    recognise: Callable[[Any], bool]


def _version(member: str, pattern: str) -> Callable[[Any], bool]:
    """Documents whose ``member`` is a version of that pattern."""
    match = re.compile(pattern).fullmatch

    def recognise(data: Any) -> bool:
        if not isinstance(data, dict) or member not in data:
            return False
        version = data[member]
        return isinstance(version, str | int | float) and match(str(version)) is not None

    return recognise


def _json_schema(pattern: str) -> Callable[[Any], bool]:
    search = re.compile(pattern).search

    def recognise(data: Any) -> bool:
        return isinstance(data, dict) and isinstance(data.get("$schema"), str) and search(data["$schema"]) is not None

    return recognise


def _loose_json_schema(data: Any) -> bool:
    if not isinstance(data, dict):
        return False
    if _json_schema(r"json-schema\.org")(data):
        return True
    kinds = ("any", "array", "boolean", "integer", "null", "number", "object", "string")
    return (
        data.get("type") in kinds
        if isinstance(data.get("type"), str)
        else any(isinstance(data.get(name), list) for name in ("anyOf", "allOf", "oneOf", "enum"))
        or isinstance(data.get("not"), dict)
    )


def _minor(name: str, title: str, member: str, major: int, minor: int) -> Format:
    return Format(
        f"{name}{major}.{minor}", f"{title} {major}.{minor}.x", _version(member, rf"{major}\.{minor}(?:\.[0-9]*)?")
    )


_DRAFTS: Final = (
    ("draft4", "Draft 4", r"json-schema\.org/draft-04/"),
    ("draft6", "Draft 6", r"json-schema\.org/draft-06/"),
    ("draft7", "Draft 7", r"json-schema\.org/draft-07/"),
    ("2019-09", "Draft 2019-09", r"json-schema\.org/draft/2019-09/"),
    ("2020-12", "Draft 2020-12", r"json-schema\.org/draft/2020-12/"),
)
_ALL: Final = (
    Format("oas2", "OpenAPI 2.0 (Swagger)", _version("swagger", r"2(?:\..*)?")),
    Format("oas3", "OpenAPI 3.x", _version("openapi", r"3(?:\..*)?")),
    *(_minor("oas", "OpenAPI", "openapi", 3, minor) for minor in (0, 1, 2)),
    Format("aas2", "AsyncAPI 2.x", _version("asyncapi", r"2\.[0-9](?:\.[0-9]*)?")),
    *(_minor("aas", "AsyncAPI", "asyncapi", 2, minor) for minor in range(7)),
    Format("aas3", "AsyncAPI 3.x", _version("asyncapi", r"3\.[0-9](?:\.[0-9]*)?")),
    *(_minor("aas", "AsyncAPI", "asyncapi", 3, minor) for minor in (0, 1)),
    Format("arazzo1.0", "Arazzo 1.0.x", _version("arazzo", r"1\.0(?:\.[0-9]*)?")),
    Format("apim-api", "API of an apim configuration", products.api),
    Format("apim-configuration", "apim configuration", products.configuration),
    Format("wso2-api", "WSO2 API project", products.wso2_api),
    *(
        Format(f"gravitee-{kind}", f"Gravitee {kind} definition, version 4", products.gravitee(kind))
        for kind in ("proxy", "message", "native")
    ),
    Format("json-schema", "JSON Schema", _json_schema(r"json-schema\.org")),
    Format("json-schema-loose", "JSON Schema (loose)", _loose_json_schema),
    *(Format(f"json-schema-{name}", f"JSON Schema {title}", _json_schema(pattern)) for name, title, pattern in _DRAFTS),
)
FORMATS: Final[dict[str, Format]] = {each.name: each for each in _ALL}
"""Every format by its name; ``oas3_1`` is read as ``oas3.1``."""


def formats_of(data: Any) -> frozenset[str]:
    """The names of all formats that a document is of."""
    return frozenset(name for name, known in FORMATS.items() if known.recognise(data))
