"""JSON Schema (draft 2020-12) of what may be written: of any attrs class, and of the whole configuration.

Editors complete and check with it, the documentation is made from it. It says what structuring does: the same types,
keys and defaults, from the same classes; descriptions are the docstrings under the fields.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from types import MappingProxyType
from typing import Any, Final

import attrs

from apim_core.config import shapes
from apim_core.config.descriptions import description_of, descriptions_of
from apim_core.config.hooks import BESIDE, LEAVES, RESERVED_IN_KEY
from apim_core.config.model import ApplicationKey, Configuration, Match
from apim_core.config.references import PluginReference, Step, TrustedKeyManager
from apim_core.config.server import Address
from apim_core.schema_values import bounds_of, plain_default

__all__ = ["DIALECT", "configuration_schema", "json_schema"]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]
Plugins = Mapping[str, tuple[str, type[Any]]]

_TEXT: Final[Schema] = {"type": "string"}
_REFERENCE: Final[Schema] = {
    "type": "string",
    "pattern": r"\$\{(env|secret):[^}]*\}",
    "description": "A value from outside: `${env:NAME}`, `${env:NAME:-default}` or `${secret:provider/path}`.",
}
_LEAVES: Final[Mapping[Any, Schema]] = MappingProxyType(
    {
        str: _TEXT,
        bool: {"type": "boolean"},
        int: {"type": "integer"},
        float: {"type": "number"},
        type(None): {"type": "null"},
        IPv4Address: {"type": "string", "format": "ipv4"},
        IPv6Address: {"type": "string", "format": "ipv6"},
        IPv4Network: {"type": "string", "examples": ["10.0.0.0/8"]},
        IPv6Network: {"type": "string", "examples": ["fd00::/8"]},
        IPv4Interface: {"type": "string", "examples": ["10.0.0.1/8"]},
        IPv6Interface: {"type": "string", "examples": ["fd00::1/64"]},
        Address: {
            "type": "string",
            "pattern": r"^(\[[0-9A-Fa-f:.]+\]|[^:\[\]]*):\d{1,5}$",
            "examples": ["127.0.0.1:8080"],
        },
        Match: {"type": "string", "pattern": r"^[^ ]+ +/", "examples": ["GET /orders/{id}", "* /files/*"]},
    }
)
_NO_BOUNDS: Final[Mapping[str, Any]] = MappingProxyType({})
_BOUNDED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), ("integer", "number")),
        **dict.fromkeys(("minLength", "maxLength", "pattern"), ("string",)),
        **dict.fromkeys(("minItems", "maxItems"), ("array",)),
    }
)


_AUTHENTICATOR: Final[Schema] = {"$ref": "#/$defs/authenticator"}
_COMBINATIONS: Final[Mapping[str, Schema]] = {
    "any": {
        "type": "array",
        "items": _AUTHENTICATOR,
        "minItems": 1,
        "description": "A good credential of one of these authenticators lets in.",
    },
    "all": {
        "type": "array",
        "items": _AUTHENTICATOR,
        "minItems": 1,
        "description": "Only good credentials of all of these authenticators let in, all of the same application.",
    },
    "optional": {**_AUTHENTICATOR, "description": "Within `all`: nothing is lost without this one, or with a bad one."},
}


def json_schema(cls: type[Any]) -> Schema:
    """The schema of an attrs class; classes inside it stand in ``$defs``."""
    writer = _Writer({})
    schema = {"$schema": DIALECT, **writer.object_of(cls)}
    return {**schema, "$defs": writer.definitions} if writer.definitions else schema


def configuration_schema(plugins: Plugins) -> Schema:
    """The schema of a configuration file in which ``plugins`` may be used: name -> (kind, class of its settings)."""
    writer = _Writer(plugins, accept_references=True)
    schema = writer.object_of(Configuration)
    schema["title"] = "apim configuration"
    return {"$schema": DIALECT, **schema, "$defs": dict(sorted(writer.definitions.items()))}


class _Writer:
    """Writes the schemas of one document and collects its ``$defs``; used once."""

    def __init__(self, plugins: Plugins, accept_references: bool = False) -> None:
        self.plugins = plugins
        self.accept_references = accept_references
        self.definitions: dict[str, Schema] = {"reference": _REFERENCE} if accept_references else {}
        self._names: dict[str, Any] = {}

    def object_of(self, cls: Any) -> Schema:
        """The schema of a mapping with the options of a class as its keys."""
        options = shapes.options_of(cls)
        descriptions = descriptions_of(cls)
        schema: Schema = {"type": "object", "description": description_of(cls)}
        schema["properties"] = {
            key: self._option(field, descriptions.get(field.name)) for key, field in options.items()
        }
        required = [key for key, field in options.items() if field.default is attrs.NOTHING]
        if required:
            schema["required"] = required
        schema["additionalProperties"] = False
        return {key: value for key, value in schema.items() if value != ""}

    def _option(self, field: attrs.Attribute[Any], description: str | None) -> Schema:
        kind = field.metadata.get("plugin")
        schema = self._with_plugins(field.type, kind) if kind else self.value(field.type, bounds_of(field.validator))
        if description:
            schema = {**schema, "description": description}
        default = plain_default(field)
        return schema if default is attrs.NOTHING else {**schema, "default": default}

    def value(self, kind: Any, bounds: Mapping[str, Any] = _NO_BOUNDS) -> Schema:
        """The schema of a type; of ``bounds``, those words that go with what it is."""
        kind = shapes.plain(kind)
        if shorthand := shapes.SHORTHANDS.get(kind):
            return _any_of([self.value(shorthand.inner), self._full(shorthand.otherwise or kind)])
        if members := shapes.members_of(kind):
            return _any_of([self.value(member, bounds) for member in members])
        schema = self._full(kind)
        schema.update((word, bound) for word, bound in bounds.items() if schema.get("type") in _BOUNDED[word])
        return _any_of([schema, {"$ref": "#/$defs/reference"}]) if self._may_be_reference(schema) else schema

    def _may_be_reference(self, schema: Schema) -> bool:
        """Whether a value from outside may stand here that the schema alone would not let stand."""
        if not self.accept_references or not ("type" in schema or "enum" in schema or "anyOf" in schema):
            return False
        if schema.get("type") == "string":
            return "pattern" in schema or schema.get("format") in ("ipv4", "ipv6", "uuid")
        return schema.get("type") not in ("object", "array", "null")

    def _full(self, kind: Any) -> Schema:
        if kind is Step:
            return self._define("step", lambda: self._plugin_of("policy", self._beside(Step)))
        if kind is ApplicationKey:
            return self._define("key", self._application_key)
        if kind is PluginReference:
            return self._define("plugin", lambda: {"type": "object", "minProperties": 1, "maxProperties": 1})
        if kind in _LEAVES:
            return dict(_LEAVES[kind])
        if kind in LEAVES or (isinstance(kind, type) and issubclass(kind, str) and not issubclass(kind, Enum)):
            return dict(getattr(kind, "schema", _TEXT))  # a plugin's own kind of text
        if shapes.is_anything(kind):
            return {}
        return self._shaped(kind)

    def _shaped(self, kind: Any) -> Schema:
        if (choices := shapes.choices_of(kind)) is not None:
            return {"enum": list(choices)}
        if items := shapes.items_of(kind):
            _, item, fixed = items
            if fixed is None:
                return {"type": "array", "items": self.value(item)}
            size = len(fixed)
            return {"type": "array", "prefixItems": [*map(self.value, fixed)], "minItems": size, "maxItems": size}
        if values := shapes.values_of(kind):
            return {"type": "object", "additionalProperties": self.value(values[1])}
        if shapes.is_class(kind):
            return self._define(self._name_of(kind), lambda: self.object_of(kind))
        raise TypeError(f"no schema can be made for {kind!r}")

    def _name_of(self, cls: type[Any]) -> str:
        owner = self._names.setdefault(cls.__name__, cls)
        return cls.__name__ if owner is cls else f"{cls.__module__}.{cls.__name__}"

    def _define(self, name: str, make: Callable[[], Schema]) -> Schema:
        if name not in self.definitions:
            self.definitions[name] = {}  # a class inside itself finds its name taken
            self.definitions[name] = make()
        return {"$ref": f"#/$defs/{name}"}

    def _with_plugins(self, kind: Any, plugin_kind: str) -> Schema:
        """The schema of a field whose references are to plugins of one kind."""
        beside = self._beside(TrustedKeyManager) if plugin_kind == "key manager" else {}
        reference = self._define(plugin_kind.replace(" ", "-"), lambda: self._plugin_of(plugin_kind, beside))
        if shapes.items_of(shapes.plain(kind)):
            return {"type": "array", "items": reference}
        if shapes.values_of(shapes.plain(kind)):
            return {"type": "object", "additionalProperties": reference}
        optional = type(None) in shapes.members_of(kind)
        return _any_of([reference, {"type": "null"}]) if optional else reference

    def _plugin_of(self, kind: str, beside: Mapping[str, Schema]) -> Schema:
        """A mapping with exactly one plugin of a kind, and the keys that may stand beside it."""
        names = sorted(name for name, (each, _) in self.plugins.items() if each == kind)
        if not names:
            return {"type": "object", "minProperties": 1}
        properties = {name: self._settings_of(name) for name in names}
        if kind == "authenticator":
            properties.update(_COMBINATIONS)
            names += list(_COMBINATIONS)
        return {
            "type": "object",
            "properties": {**properties, **beside},
            "oneOf": [{"required": [name]} for name in names],
            "additionalProperties": False,
        }

    def _beside(self, cls: type) -> Schema:
        descriptions, options = descriptions_of(cls), shapes.options_of(cls)
        return {name: self._option(options[name], descriptions[name]) for name in BESIDE[cls]}

    def _application_key(self) -> Schema:
        descriptions, options = descriptions_of(ApplicationKey), shapes.options_of(ApplicationKey)
        return {
            "type": "object",
            "properties": {name: self._option(options[name], descriptions[name]) for name in RESERVED_IN_KEY},
            "additionalProperties": {"type": "string", "writeOnly": True},
            "minProperties": 1,
            "examples": [{"api-key": "${env:NAME}"}, {"client_id": "shop-web"}, {"certificate": "shop.pem"}],
        }

    def _settings_of(self, name: str) -> Schema:
        cls = self.plugins[name][1]
        settings = self._define(f"plugins.{name}", lambda: self.object_of(cls))
        needs = self.definitions[f"plugins.{name}"].get("required")
        schema = settings if needs else _any_of([settings, {"type": "null"}])
        summary = description_of(cls).partition("\n\n")[0].replace("\n", " ")
        return {**schema, "description": summary} if summary else schema


def _any_of(schemas: list[Schema]) -> Schema:
    """One of several schemas, flattened; the same one twice is one."""
    flat: list[Schema] = []
    for schema in schemas:
        for each in schema["anyOf"] if schema.keys() == {"anyOf"} else [schema]:
            if each not in flat:
                flat.append(each)
    return flat[0] if len(flat) == 1 else {"anyOf": flat}
