"""The hook specifications: how plugins of each kind register, and what they may hear of a snapshot's life.

A plugin class inherits the registration hook of its kind, so the class itself is what the entry point names and what
pluggy registers; nobody writes registration code. Hooks run when a configuration is loaded, started and stopped,
never for a request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from collections.abc import Iterable

    from apim_sdk.authenticator import Authenticator
    from apim_sdk.counters import CounterStore
    from apim_sdk.endpoint import Endpoint, SequenceEndpoint
    from apim_sdk.governance import GovernedDocument, Governor, RulesetFunction, ShippedRuleset
    from apim_sdk.importer import Importer
    from apim_sdk.key_manager import KeyManager
    from apim_sdk.plugin import Plugin
    from apim_sdk.policy import Policy
    from apim_sdk.secrets import SecretProvider
    from apim_sdk.sink import Sink
    from apim_sdk.stores import Store

__all__ = ["PROJECT", "hookimpl", "hookspec"]

PROJECT = "apim"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def apim_register_authenticator() -> type[Authenticator]:  # type: ignore[empty-body]  # a specification
    """An authentication method: finds a credential and judges it."""


@hookspec
def apim_register_policy() -> type[Policy]:  # type: ignore[empty-body]  # a specification
    """A mediation or traffic policy: one step of a flow."""


@hookspec
def apim_register_endpoint() -> type[Endpoint]:  # type: ignore[empty-body]  # a specification
    """A place where a request ends."""


@hookspec
def apim_register_sequence_endpoint() -> type[SequenceEndpoint]:  # type: ignore[empty-body]  # a specification
    """An endpoint that is itself a flow of calls to other endpoints."""


@hookspec
def apim_register_key_manager() -> type[KeyManager]:  # type: ignore[empty-body]  # a specification
    """A connector to an authorization server."""


@hookspec
def apim_register_sink() -> type[Sink]:  # type: ignore[empty-body]  # a specification
    """An analytics sink: takes batches of records."""


@hookspec
def apim_register_ruleset_function() -> type[RulesetFunction]:  # type: ignore[empty-body]  # a specification
    """A governance function, for rules that score an API definition."""


@hookspec
def apim_register_ruleset() -> type[ShippedRuleset]:  # type: ignore[empty-body]  # a specification
    """A ruleset that others extend by its name."""


@hookspec
def apim_register_governor() -> type[Governor]:  # type: ignore[empty-body]  # a specification
    """Who judges a configuration before it is served."""


@hookspec
def apim_governed_documents(plugin: Plugin) -> Iterable[GovernedDocument]:  # type: ignore[empty-body]  # a specification
    """Documents about a configured ``plugin`` that governance shall look at, beside those of the APIs.

    Called once for each plugin of a configuration that has governance, before any is started; whoever has nothing to
    say of that plugin answers none.
    """


@hookspec
def apim_register_secret_provider() -> type[SecretProvider]:  # type: ignore[empty-body]  # a specification
    """A place where secrets are kept."""


@hookspec
def apim_register_store() -> type[Store]:  # type: ignore[empty-body]  # a specification
    """A place where state lives."""


@hookspec
def apim_register_counter_store() -> type[CounterStore]:  # type: ignore[empty-body]  # a specification
    """A place where the counters of limits live."""


@hookspec
def apim_register_importer() -> type[Importer]:  # type: ignore[empty-body]  # a specification
    """A reader of another product's definitions."""


@hookspec
def apim_snapshot_started(generation: int) -> None:
    """A snapshot has taken over; ``generation`` counts up from 1."""


@hookspec
def apim_snapshot_stopped(generation: int) -> None:
    """A snapshot has drained and its plugins have stopped."""
