"""Where references of schemas lead: resources by their URI, anchors in them, pointers into them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote, urljoin

import attrs

from apim_governance.json_schema.errors import SchemaFailure, UnresolvableReference
from apim_governance.json_schema.values import equal

__all__ = ["Resources", "Target", "resolved_uri"]

_VALUES: Final = frozenset(("const", "default", "enum", "examples"))
"""Keywords whose values are no schemas, whatever they look like."""


@attrs.frozen
class Target:
    """What a reference leads to: a schema, the URI of the resource that it stands in, and its pointer there."""

    schema: Any
    base: str
    pointer: str


def resolved_uri(base: str, reference: str) -> str:
    """A reference as it is meant in a resource."""
    if reference.startswith("#"):
        return base.partition("#")[0] + reference
    if base.startswith("urn:") or reference.startswith("urn:"):
        return reference or base
    return urljoin(base, reference)


class Resources:
    """The resources of a schema, and those of others that it may refer to; these are looked at when they are named."""

    def __init__(self, schema: Any, identifier: str, others: Mapping[str, Any]) -> None:
        self._identifier = identifier
        self._others = others
        self._found: dict[str, Target] = {}
        self._anchors: dict[tuple[str, str], Target] = {}
        self._bases: dict[int, str] = {}
        self._dynamic: set[tuple[str, str]] = set()
        own = schema.get(identifier) if isinstance(schema, dict) else None
        self.base = own.removesuffix("#") if isinstance(own, str) else ""
        self._add(schema, self.base)
        self._found.setdefault("", Target(schema, self.base, ""))

    def target(self, base: str, reference: str) -> Target:
        """Where a reference leads. Raises UnresolvableReference."""
        uri, _, fragment = resolved_uri(base, reference).partition("#")
        fragment = unquote(fragment)
        resource = self._resource(uri)
        if resource is None:
            raise UnresolvableReference(reference, base)
        if fragment and not fragment.startswith("/"):
            anchor = self._anchors.get((resource.base, fragment))
            if anchor is None:
                raise UnresolvableReference(reference, base)
            return anchor
        found = self._pointed(resource, fragment)
        if found is None:
            raise UnresolvableReference(reference, base)
        return found

    def base_of(self, schema: dict[str, Any], holder: str) -> str:
        """The URI of the resource that a schema stands in, or begins; ``holder`` is that of what holds it."""
        return self._bases.get(id(schema), holder)

    def dynamic(self, base: str, anchor: str) -> Target | None:
        """The schema of a resource that has a dynamic anchor of that name."""
        key = (base, anchor)
        return self._anchors[key] if key in self._dynamic else None

    def recursive(self, base: str) -> Target | None:
        """The root of a resource, if it says ``$recursiveAnchor``."""
        root = self._found.get(base)
        if root is not None and isinstance(root.schema, dict) and root.schema.get("$recursiveAnchor") is True:
            return root
        return None

    def _resource(self, uri: str) -> Target | None:
        if uri not in self._found and uri in self._others:
            self._add(self._others[uri], uri)
        return self._found.get(uri)

    def _add(self, schema: Any, base: str) -> None:
        waiting: list[tuple[Any, str, str]] = [(schema, base, "")]
        self._found.setdefault(base, Target(schema, base, ""))
        while waiting:
            each, base, pointer = waiting.pop()
            if isinstance(each, list):
                waiting.extend((item, base, f"{pointer}/{index}") for index, item in enumerate(each))
                continue
            if not isinstance(each, dict):
                continue
            identifier = each.get(self._identifier)
            if isinstance(identifier, str) and not identifier.startswith("#"):
                base = resolved_uri(base, identifier).removesuffix("#")
                pointer = ""
                known = self._found.setdefault(base, Target(each, base, ""))
                if not equal(known.schema, each):
                    raise SchemaFailure(f'reference "{base}" resolves to more than one schema')
                self._bases[id(each)] = base
            self._name_anchors(each, base, pointer, identifier)
            waiting.extend(
                (value, base, f"{pointer}/{_escaped(name)}")
                for name, value in each.items()
                if isinstance(value, dict | list) and name not in _VALUES
            )

    def _name_anchors(self, schema: dict[str, Any], base: str, pointer: str, identifier: Any) -> None:
        target = Target(schema, base, pointer)
        if isinstance(identifier, str) and identifier.startswith("#") and len(identifier) > 1:
            self._anchors.setdefault((base, identifier[1:]), target)
        for keyword in ("$anchor", "$dynamicAnchor"):
            name = schema.get(keyword)
            if isinstance(name, str):
                self._anchors.setdefault((base, name), target)
                if keyword == "$dynamicAnchor":
                    self._dynamic.add((base, name))

    def _pointed(self, resource: Target, pointer: str) -> Target | None:
        value, base, place = resource.schema, resource.base, resource.pointer
        for part in _parts(pointer):
            if isinstance(value, dict) and part in value:
                value = value[part]
            elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
                value = value[int(part)]
            else:
                return None
            place = f"{place}/{_escaped(part)}"
            identifier = value.get(self._identifier) if isinstance(value, dict) else None
            if isinstance(identifier, str) and not identifier.startswith("#"):
                base, place = resolved_uri(base, identifier).removesuffix("#"), ""
        return Target(value, base, place)


def _parts(pointer: str) -> Iterator[str]:
    for part in pointer.split("/")[1:]:
        yield part.replace("~1", "/").replace("~0", "~")


def _escaped(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")
