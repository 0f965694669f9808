"""Host patterns: exact names, ``*.example.com``, or any host."""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["ANY_HOST", "host_name", "host_pattern", "patterns_for"]

ANY_HOST = "*"


def host_pattern(text: str) -> str:
    """A pattern as the router keeps it: lower case, without a last dot. Raises ValueError where it is none."""
    pattern = text.lower().removesuffix(".")
    name = pattern.removeprefix("*.")
    if not name or "*" in name or "/" in name or (":" in name and not name.startswith("[")):
        raise ValueError(f"{text!r} is not a host pattern: write api.example.com or *.example.com, without port")
    return pattern


def host_name(authority: str) -> str:
    """The host of an authority in lower case (RFC 3986, section 3.2), without port and last dot."""
    if authority.startswith("["):
        return authority.partition("]")[0] + "]"
    return authority.partition(":")[0].removesuffix(".")


def patterns_for(name: str) -> Iterator[str]:
    """All patterns that ``name`` matches, the most specific first: itself, ever shorter wildcards, any host."""
    yield name
    dot = name.find(".")
    while dot >= 0:
        yield "*" + name[dot:]
        dot = name.find(".", dot + 1)
    yield ANY_HOST
