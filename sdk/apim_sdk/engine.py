"""The way from the SDK to the engine that runs it, without importing it.

The engine registers itself as the entry point ``engine`` in the group ``apim.engine``. It compiles what an operator
writes as text and builds plugins out of settings, both for the gateway and for a plugin's own tests.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    from apim_sdk.exchange import Exchange
    from apim_sdk.fields import CompiledPattern
    from apim_sdk.streams import Message

__all__ = ["Compiled", "Engine", "engine"]


class Compiled(Protocol):
    """An expression or template, compiled."""

    @property
    def evaluate(self) -> Callable[[Exchange], Any]: ...
    @property
    def reads_body(self) -> bool: ...


class Engine(Protocol):
    """What the installed engine does for the SDK."""

    def expression(self, source: str) -> Compiled:
        """Compile a CEL expression. Raises ValueError with the place of the mistake."""

    def message_expression(self, source: str) -> Callable[[Exchange, Message], Any]:
        """Compile a CEL expression about messages of streams. Raises ValueError with the place of the mistake."""

    def template(self, source: str) -> Compiled:
        """Compile a template. Raises ValueError with the place of the mistake."""

    def regex(self, source: str) -> CompiledPattern:
        """Compile a regular expression of linear time. Raises ValueError."""

    def structure(self, settings: Any, cls: type[Any]) -> Any:
        """Build ``cls`` from plain settings, as the configuration does. Raises an error that names each mistake."""

    def schema(self, cls: type[Any]) -> Mapping[str, Any]:
        """The JSON Schema (draft 2020-12) of a class of settings."""


@cache
def engine() -> Engine:
    """The installed engine. Raises RuntimeError where there is none, or more than one."""
    found = entry_points(group="apim.engine")
    if len(found) != 1:
        raise RuntimeError(
            f"expected one engine in the entry point group 'apim.engine', found {len(found)}: "
            "install the package 'apim'"
        )
    (only,) = found
    return cast(Engine, only.load()())
