"""What values must be like, beyond their type: validators for fields of the configuration and of what is stored."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import attrs
from apim_sdk import Secret

__all__ = ["IDENTIFIER", "attributes", "aware", "identifier", "one_line", "page_patterns", "unguessable"]

IDENTIFIER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,63}")
_PAGE: Final = re.compile(r"(\*\.)?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*(:\d{1,5})?/[^\s?#*]*\*?")
_LONGEST: Final = 256
_MOST_ATTRIBUTES: Final = 50
_SHORTEST_TOKEN: Final = 32
_FEWEST_CHARACTERS: Final = 8


def aware(instance: Any, attribute: attrs.Attribute[Any], value: datetime) -> None:
    """A moment, not what a clock on some wall shows."""
    if value.tzinfo is None:
        raise ValueError(f"{value.isoformat()} does not say in which time zone: write {value.isoformat()}Z for UTC")


def identifier(instance: Any, attribute: attrs.Attribute[Any], value: str) -> None:
    """What may be a part of a path and of a key of a store."""
    if not IDENTIFIER.fullmatch(value):
        raise ValueError(f"{value[:80]!r} is no id: write at most 64 letters, digits and . _ ~ -, a UUID for one")


def one_line(instance: Any, attribute: attrs.Attribute[Any], value: str) -> None:
    """A text of one line and bounded length."""
    if not value.strip() or len(value) > _LONGEST or not value.isprintable():
        raise ValueError(f"it must be a text of one line and at most {_LONGEST} characters, and not empty")


def attributes(instance: Any, attribute: attrs.Attribute[Any], value: Mapping[str, str]) -> None:
    """A few short texts by short names."""
    if len(value) > _MOST_ATTRIBUTES:
        raise ValueError(f"there may be at most {_MOST_ATTRIBUTES} of them")
    for name, each in value.items():
        if not (name.strip() and len(name) <= _LONGEST and len(each) <= _LONGEST):
            raise ValueError(f"names and values have at most {_LONGEST} characters, and a name is not empty")


def page_patterns(instance: Any, attribute: attrs.Attribute[Any], value: tuple[str, ...]) -> None:
    """Pages as ``www.a.com/path``, ``www.a.com/*`` or ``*.a.com/*``."""
    for page in value:
        if not _PAGE.fullmatch(page):
            raise ValueError(f"{page[:80]!r} is no page: write www.a.com/path, www.a.com/* or *.a.com/*, no scheme")


def unguessable(instance: Any, attribute: attrs.Attribute[Any], value: Secret) -> None:
    """A secret that was made by a machine, not thought of. The message must not show it."""
    secret = value.reveal()
    if len(secret) < _SHORTEST_TOKEN or len(set(secret)) < _FEWEST_CHARACTERS:
        raise ValueError(
            f"it can be guessed: use at least {_SHORTEST_TOKEN} random characters, such as `openssl rand -hex 32` makes"
        )
    if not (secret.isascii() and secret.isprintable() and " " not in secret):
        raise ValueError("it cannot stand in a header: use letters and digits")
