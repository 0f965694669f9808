"""Where a configuration names a plugin: a mapping of one key, the plugin's name, to the plugin's own settings."""

from __future__ import annotations

from typing import Any, Final, Literal

import attrs
from apim_sdk import Duration, Expression, MessageExpression

__all__ = ["NOWHERE", "NO_FLOWS", "Flows", "PlanLimit", "PluginReference", "SourceRef", "Step", "TrustedKeyManager"]


@attrs.frozen
class SourceRef:
    """The place in a file that brought a part of the configuration: its pointer is that in ``file`` itself."""

    file: str
    pointer: str


NOWHERE: Final = SourceRef("", "")


@attrs.frozen
class PluginReference:
    """A plugin's name and its settings as they were written; the compiler structures them by the plugin's class."""

    name: str
    """Name of the plugin, which is its entry point."""
    settings: Any = attrs.field(factory=dict)
    """Settings of the plugin, as its documentation lists them."""
    source: SourceRef = attrs.field(default=NOWHERE, init=False, eq=False, repr=False)


@attrs.frozen
class Step:
    """One policy of a flow: a plugin, and when it runs."""

    plugin: PluginReference
    """The plugin and its settings, under the plugin's name as key."""
    when: Expression | None = None
    """Condition in CEL; the step runs only where it is true."""
    when_message: MessageExpression | None = None
    """Condition in CEL of each message of a stream, for a step that sees messages; it sees those where it is true."""
    name: str | None = None
    """Name of the step in logs, metrics and `apim explain`; without it, the plugin's name."""
    on_error: Literal["fail", "skip", "run"] = "fail"
    """What an error in a condition does: `fail` refuses the exchange, or the message, `skip` passes the step by, `run`
    runs it."""
    enabled: bool = True
    """Whether the step is there at all; `false` keeps it in the file without running it."""

    @property
    def source(self) -> SourceRef:
        """Where the step was written."""
        return self.plugin.source


@attrs.frozen
class PlanLimit:
    """So many requests in so much time, counted for each subscription unless `key` says otherwise."""

    requests: int = attrs.field(validator=attrs.validators.ge(1))
    """How many requests may pass."""
    per: Duration
    """In what time."""
    burst: int | None = attrs.field(default=None, validator=attrs.validators.optional(attrs.validators.ge(1)))
    """How many may pass at once; without it, as many as `requests`."""
    algorithm: str | None = None
    """How they are counted, as the policy calls it, such as `sliding-window`."""
    key: str = "subscription"
    """What is counted together, such as `subscription`, `application`, `application-user` or a CEL expression."""
    stop_on_quota: bool | None = None
    """Whether what is beyond the limit is refused; with `false` it passes, marked."""
    count_refused: bool | None = None
    """Whether a call that is refused counts, too."""
    warn_at: float | None = None
    """From which part of the limit on, such as 0.8, answers warn."""
    headers: tuple[str, ...] | None = None
    """Headers that tell clients how they stand: `ratelimit`, `x-ratelimit`."""
    unit: Literal["requests", "events"] | None = None
    """What is counted: `requests`, or `events`, which are messages of a WebSocket and events of an event stream."""
    source: SourceRef = attrs.field(default=NOWHERE, init=False, eq=False, repr=False)

    def settings(self) -> dict[str, Any]:
        """The settings of the policy that limits: what was written, and the key."""
        options = {field.name: getattr(self, field.name) for field in attrs.fields(PlanLimit) if field.init}
        written = {name: value for name, value in options.items() if value is not None}
        if self.headers is not None:
            written["headers"] = list(self.headers)
        return {**written, "per": str(self.per)}


@attrs.frozen
class TrustedKeyManager:
    """An authorization server, and whose calls its tokens are good for."""

    plugin: PluginReference
    """The connector and its settings, under the plugin's name as key."""
    tokens: Literal["direct", "exchanged", "both"] = "direct"
    """What its tokens are good for: `direct` only for calls of APIs, `exchanged` only for a token of our own
    authorization server in exchange (RFC 8693), `both` for either."""
    tenant: str | None = None
    """The only tenant whose APIs take its tokens; without it, those of every tenant do."""
    roles: tuple[str, ...] = ()
    """Roles of those who may make keys of it for their applications; without any, everybody may."""
    enabled: bool = True
    """Whether its tokens are taken; `false` refuses them all, with 401 and in exchange, until it is taken back."""

    @property
    def source(self) -> SourceRef:
        """Where it was written."""
        return self.plugin.source


@attrs.frozen
class Flows:
    """The policies of one level, in the order in which they run."""

    entry: tuple[Step, ...] = ()
    """Before authentication. Only the gateway and an API have this flow."""
    request: tuple[Step, ...] = ()
    """After authentication and the plan's limits, on the way to the endpoint."""
    response: tuple[Step, ...] = ()
    """On the way back to the client."""
    fault: tuple[Step, ...] = ()
    """On the way back to the client after anything failed or refused."""


NO_FLOWS: Final = Flows()
