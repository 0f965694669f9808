"""The plugin that is examined, and what every check needs of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from apim_sdk.engine import engine
from apim_sdk.plugin import Plugin
from apim_sdk.testing.building import build
from apim_sdk.testing.context import FakeContext, FakeFetched, FakeKeyManager
from apim_sdk.testing.store import FakeStore

__all__ = ["Nonconformity", "Subject", "obliging_context", "require"]


class Nonconformity(AssertionError):
    """A plugin is not as a plugin has to be; the text says in what, and how to mend it."""


def require(condition: object, text: str) -> None:
    """Raise Nonconformity with the text unless the condition is true."""
    if not condition:
        raise Nonconformity(text)


def obliging_context() -> FakeContext:
    """A context that knows a key manager and a store of every name, and an answer, empty JSON, for every callout."""
    return FakeContext(
        key_managers=defaultdict(FakeKeyManager),
        stores=defaultdict(FakeStore),
        fetches=defaultdict(lambda: FakeFetched(200, {"content-type": "application/json"}, b"{}")),
    )


@attrs.frozen
class Subject:
    """A plugin class under its name."""

    name: str
    plugin: type[Plugin]
    settings: Any = attrs.field(default=attrs.Factory(lambda self: self.plugin.example, takes_self=True))
    """What it is built out of; its example unless given."""
    context: Callable[[], FakeContext] = obliging_context
    """Makes the context that it is started with."""

    def build(self) -> Plugin:
        """A new instance."""
        return build(self.plugin, self.settings)

    def schema(self) -> Mapping[str, Any]:
        """The JSON Schema of its options."""
        return engine().schema(self.plugin)

    def __str__(self) -> str:
        return self.name
