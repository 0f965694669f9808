"""Values from outside in the text of a scalar: ``${env:NAME}``, ``${env:NAME:-default}``, ``${secret:provider/path}``.

``$${`` stands for a plain ``${``. What is put in is not searched again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

import attrs

from apim_core.config.problems import did_you_mean

__all__ = ["UNREADABLE", "Filled", "InterpolationError", "SecretReference", "interpolate"]

_KINDS: Final = ("env", "secret")
_REFERENCE: Final = re.compile(r"\$\$\{|\$\{([A-Za-z][A-Za-z0-9_-]*):([^}]*)(\}?)")
_SHORTEST_CONCEALED: Final = 4
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class _Unreadable:
    """The type of ``UNREADABLE``."""

    def __repr__(self) -> str:
        return "UNREADABLE"


UNREADABLE: Final = _Unreadable()
"""Stands for a value whose problem is already noted, so that nothing more is said about it."""


@attrs.frozen
class SecretReference:
    """A value that a secret provider holds; a field that is given one refuses it until a provider resolves it."""

    provider: str
    path: str

    def __str__(self) -> str:
        return f"${{secret:{self.provider}/{self.path}}}"


class Filled(str):
    """Text with values from the environment in it. Any of them may be a secret, so messages must not show them."""

    parts: tuple[tuple[str, str], ...]
    """Each value that was put in, and the reference that it was put in for."""

    def conceal(self, message: str) -> str:
        """``message`` with the references back in place of values, as far as those are long enough to tell."""
        for value, reference in self.parts:
            if len(value) >= _SHORTEST_CONCEALED:
                message = message.replace(value, reference)
        return message


class InterpolationError(ValueError):
    """A reference that cannot be filled in. ``hint`` says what to do."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def interpolate(text: str, environment: Mapping[str, str]) -> str | SecretReference:
    """``text`` with its references filled in. Raises InterpolationError for the first that cannot be."""
    whole = _REFERENCE.fullmatch(text)
    if whole and whole[1] == "secret" and whole[3]:
        return _secret(whole[2])
    parts: list[tuple[str, str]] = []
    filled = Filled(_REFERENCE.sub(_replacing(environment, parts), text))
    filled.parts = tuple(parts)
    return filled if parts else str(filled)


def _secret(target: str) -> SecretReference:
    provider, slash, path = target.partition("/")
    if not (provider and slash and path):
        raise InterpolationError(f"${{secret:{target}}} names no secret", "write ${secret:provider/path}")
    return SecretReference(provider, path)


def _replacing(environment: Mapping[str, str], parts: list[tuple[str, str]]) -> Callable[[re.Match[str]], str]:
    def replace(match: re.Match[str]) -> str:
        kind, target, closed = match.groups()
        if kind is None:
            return "${"
        if not closed:
            raise InterpolationError(f"{match[0]!r} has no closing brace", f"write ${{{kind}:...}}")
        if kind == "env":
            value = _variable(target, environment)
            parts.append((value, f"${{env:{target.partition(':-')[0]}}}"))
            return value
        if kind == "secret":
            raise InterpolationError(
                "a secret cannot be a part of a longer text", "let ${secret:provider/path} be the whole value"
            )
        raise InterpolationError(
            f"${{{kind}:...}} is no kind of reference",
            did_you_mean(kind, _KINDS) or "use ${env:NAME} or ${secret:provider/path}; write $${ for a plain ${",
        )

    return replace


def _variable(target: str, environment: Mapping[str, str]) -> str:
    name, separator, default = target.partition(":-")
    if not _NAME.fullmatch(name):
        raise InterpolationError(
            f"{name!r} is no name of an environment variable", "write ${env:NAME} or ${env:NAME:-default}"
        )
    value = environment.get(name)
    if value is None and not separator:
        raise InterpolationError(
            f"the environment variable {name} is not set", f"set it, or give a default: ${{env:{name}:-...}}"
        )
    return default if value is None else value
