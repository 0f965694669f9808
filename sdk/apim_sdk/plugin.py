"""The base of every plugin: one class, whose fields are its configuration."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar

import attrs

if TYPE_CHECKING:
    from apim_sdk.context import Context

__all__ = ["Plugin", "Posture", "Status", "state"]


class Status(Enum):
    """How far a plugin has come."""

    STABLE = "stable"
    """Its settings change only through a deprecation."""
    BETA = "beta"
    """It is tested; its settings may still change."""
    EXPERIMENTAL = "experimental"
    """It may change or go."""


class Posture(Enum):
    """Whom a plugin can face."""

    UNTRUSTED_CLIENTS = "withstands untrusted clients"
    """It is meant for clients and backends that nobody vouches for."""
    TRUSTED_CLIENTS = "needs a trusted client"
    """It must not face the open network."""
    TRUSTED_CLIENTS_AND_BACKENDS = "needs a trusted client and backend"
    """Both sides must be under the operator's control."""


def state() -> Any:
    """A private field for what a plugin works out or opens: no setting, not shown nor compared; None until ``hold``."""
    return attrs.field(default=None, init=False, eq=False, repr=False)


class Plugin:
    """One plugin, configured.

    A subclass is an ``attrs.frozen`` class; a docstring under a field describes the option. ``example`` is settings
    as an operator would write them: it is shown in the documentation and run by the conformance suite.
    """

    kind: ClassVar[str] = ""
    """The kind, set by the base class of each kind."""
    status: ClassVar[Status] = Status.BETA
    """How far the plugin has come."""
    posture: ClassVar[Posture] = Posture.UNTRUSTED_CLIENTS
    """Whom it can face."""
    example: ClassVar[Any] = {}
    """Settings as an operator would write them."""

    async def start(self, context: Context) -> None:
        """Open what the plugin needs. Called once for each configured instance, before its snapshot serves."""

    def hold(self, **opened: Any) -> None:
        """Fill fields declared as ``state()``, in ``__attrs_post_init__`` or ``start``; settings never change."""
        for name, value in opened.items():
            object.__setattr__(self, name, value)

    async def stop(self) -> None:
        """Let go of what ``start`` opened. Called once, after the last exchange of its snapshot."""
