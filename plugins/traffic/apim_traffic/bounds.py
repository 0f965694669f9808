"""What the options of several policies may be."""

from __future__ import annotations

from typing import Any

import attrs

__all__ = ["longer_than_nothing", "positive", "share"]

positive = attrs.validators.ge(1)
"""A number of things: one at least."""


def share(instance: Any, attribute: attrs.Attribute[float], value: float) -> None:
    """A share of a whole that is more than none of it."""
    if not 0 < value <= 1:
        raise ValueError(f"{attribute.name} is a share: write a number over 0, up to 1")


def longer_than_nothing(instance: Any, attribute: attrs.Attribute[Any], value: float) -> None:
    """A duration that is not 0."""
    if not value:
        raise ValueError(f"{attribute.name} must be longer than nothing")
