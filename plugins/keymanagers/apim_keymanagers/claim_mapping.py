"""Claims of a server's tokens under the names that are used here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

__all__ = ["claim_mapper"]

Claims = Mapping[str, Any]

_FIXED: Final = frozenset({"iss", "exp", "nbf", "cnf"})
"""Claims that decide whether a token is good: nothing may be put in their place."""


def claim_mapper(mapping: Mapping[str, str]) -> Callable[[Claims], Claims]:
    """What renames claims: ``{remote: local}``; a remote name with dots may lead into objects (``realm_access.roles``).

    A claim of that very name comes before a path. A local name is filled by its remote claim only: what the token
    itself has under it is dropped. The others stay as they are. Raises ValueError for a name that may not be put.
    """
    for local in mapping.values():
        if local in _FIXED:
            raise ValueError(f"`claim_mapping` may not put anything in the place of {local!r}")
    if not mapping:
        return _unchanged
    mapped = frozenset((*mapping.keys(), *mapping.values()))
    pairs = tuple((remote, tuple(remote.split(".")), local) for remote, local in mapping.items())

    def rename(claims: Claims) -> Claims:
        renamed = {name: value for name, value in claims.items() if name not in mapped}
        for remote, path, local in pairs:
            value = claims[remote] if remote in claims else _follow(claims, path)
            if value is not None:
                renamed[local] = value
        return renamed

    return rename


def _unchanged(claims: Claims) -> Claims:
    return claims


def _follow(claims: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        if not isinstance(claims, Mapping):
            return None
        claims = claims.get(name)
    return claims
