"""The scopes that a definition asks of a token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

__all__ = ["scopes_of"]

_SCOPED: Final = ("oauth2", "openIdConnect")


def scopes_of(document: Mapping[str, Any], operation: Mapping[str, Any]) -> tuple[str, ...]:
    """The scopes of all OAuth 2 and OpenID Connect requirements of an operation, in order, each once.

    An operation's own ``security`` stands in place of the document's. Where one of the alternatives asks for
    nothing at all (``{}``), no scope is needed. How consumers authenticate is a matter of plans, not of the definition.
    """
    requirements = operation.get("security", document.get("security"))
    if not isinstance(requirements, list) or {} in requirements:
        return ()
    schemes = _schemes(document)
    scopes: dict[str, None] = {}
    for requirement in requirements:
        for name, wanted in requirement.items() if isinstance(requirement, dict) else ():
            scheme = schemes.get(name)
            if isinstance(scheme, dict) and scheme.get("type") in _SCOPED and isinstance(wanted, list):
                scopes.update((scope, None) for scope in wanted if isinstance(scope, str))
    return tuple(scopes)


def _schemes(document: Mapping[str, Any]) -> Mapping[str, Any]:
    components = document.get("components")
    held = components.get("securitySchemes") if isinstance(components, dict) else document.get("securityDefinitions")
    return held if isinstance(held, dict) else {}
