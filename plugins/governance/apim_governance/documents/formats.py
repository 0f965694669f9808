"""Formats: what a document is, by the names that rulesets use."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import attrs

from apim_governance.documents import products
from apim_governance.paths.javascript import text_of

__all__ = ["FORMATS", "Format", "formats_of"]


@attrs.frozen
class Format:
    """A format: its ``name`` in rulesets, its ``title`` in messages, and how a document of it is known."""

    name: str
    title: str
    recognise: Callable[[Any], bool]


def _version(member: str, *patterns: str) -> Callable[[Any], bool]:
    """Documents whose ``member`` is a version of these patterns; what is no text is looked at as one."""
    matches = [re.compile(pattern, re.ASCII | re.DOTALL).fullmatch for pattern in patterns]

    def recognise(data: Any) -> bool:
        if not isinstance(data, dict) or member not in data:
            return False
        version = text_of(data[member])
        return all(match(version) for match in matches)

    return recognise


def _json_schema(pattern: str) -> Callable[[Any], bool]:
    search = re.compile(pattern).search

    def recognise(data: Any) -> bool:
        return isinstance(data, dict) and isinstance(data.get("$schema"), str) and search(data["$schema"]) is not None

    return recognise


def _loose_json_schema(data: Any) -> bool:
    """What says that it is a JSON Schema, or has a type, an enumeration or alternatives as only schemas have them."""
    if not isinstance(data, dict):
        return False
    if _json_schema(_ANY_DRAFT)(data) or isinstance(data.get("enum"), list):
        return True
    types = data.get("type")
    if isinstance(types, str):
        types = [types]
    if isinstance(types, list) and all(isinstance(each, str) and each in _TYPES for each in types):
        return True
    return any(isinstance(data.get(name), dict | list) for name in ("allOf", "oneOf", "anyOf", "not", "if"))


_TYPES: Final = ("array", "boolean", "integer", "null", "number", "object", "string")
_ANY_DRAFT: Final = "//json-schema.org/"
_WHOLE: Final = r"{}\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)"
"""A version of AsyncAPI: all three numbers of it."""


def _beginning(number: int) -> str:
    """A text that ECMAScript's ``parseInt`` reads as that number."""
    return rf"\s*\+?0*{number}(?![0-9]).*"


def _minor(name: str, title: str, member: str, major: int, minor: int) -> Format:
    whole = _WHOLE.format(major) if name == "aas" else _beginning(major)
    recognise = _version(member, whole, rf"{major}\.{minor}(?:\.[0-9]*)?")
    return Format(f"{name}{major}.{minor}", f"{title} {major}.{minor}.x", recognise)


_DRAFTS: Final = (
    ("draft4", "Draft 4", "draft-04"),
    ("draft6", "Draft 6", "draft-06"),
    ("draft7", "Draft 7", "draft-07"),
    ("2019-09", "Draft 2019-09", "draft/2019-09"),
    ("2020-12", "Draft 2020-12", "draft/2020-12"),
)
_DRAFT: Final = r"^https?://json-schema\.org/{}/(?:hyper-)?schema#?\Z"
_ALL: Final = (
    Format("oas2", "OpenAPI 2.0 (Swagger)", _version("swagger", _beginning(2))),
    Format("oas3", "OpenAPI 3.x", _version("openapi", _beginning(3))),
    *(_minor("oas", "OpenAPI", "openapi", 3, minor) for minor in (0, 1, 2)),
    Format("aas2", "AsyncAPI 2.x", _version("asyncapi", _WHOLE.format(2))),
    *(_minor("aas", "AsyncAPI", "asyncapi", 2, minor) for minor in range(7)),
    Format("aas3", "AsyncAPI 3.x", _version("asyncapi", _WHOLE.format(3))),
    *(_minor("aas", "AsyncAPI", "asyncapi", 3, minor) for minor in (0, 1)),
    Format("arazzo1.0", "Arazzo 1.0.x", _version("arazzo", r"1\.0(?:\.[0-9]*)?")),
    Format("apim-api", "API of an apim configuration", products.api),
    Format("apim-configuration", "apim configuration", products.configuration),
    Format("wso2-api", "WSO2 API project", products.wso2_api),
    *(
        Format(f"gravitee-{kind}", f"Gravitee {kind} definition, version 4", products.gravitee(kind))
        for kind in ("proxy", "message", "native")
    ),
    Format("json-schema", "JSON Schema", _json_schema(_ANY_DRAFT)),
    Format("json-schema-loose", "JSON Schema (loose)", _loose_json_schema),
    *(
        Format(f"json-schema-{name}", f"JSON Schema {title}", _json_schema(_DRAFT.format(draft)))
        for name, title, draft in _DRAFTS
    ),
)
FORMATS: Final[dict[str, Format]] = {each.name: each for each in _ALL}
"""Every format by its name; ``oas3_1`` is read as ``oas3.1``."""


def formats_of(data: Any) -> frozenset[str]:
    """The names of all formats that a document is of."""
    return frozenset(name for name, known in FORMATS.items() if known.recognise(data))
