"""The configuration as the gateway sees it: frozen, checked, without a trace of YAML.

Every class is what an operator may write at one place, every field one key of it; the docstring under a field is its
description in the JSON Schema and in the documentation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

import attrs
from apim_sdk import Expression, Secret, Template
from apim_sdk.identity import KeyType, SubscriptionState

from apim_core.config.locating import locate
from apim_core.config.problems import Location
from apim_core.config.references import (
    NO_FLOWS,
    NOWHERE,
    Flows,
    PlanLimit,
    PluginReference,
    SourceRef,
    Step,
    TrustedKeyManager,
)
from apim_core.config.server import Access, Address, Egress, Limits, Listener, Log, Management, Network, Timeouts
from apim_core.config.validating import aware, identifier, page_patterns

__all__ = [
    "Api",
    "Application",
    "ApplicationKey",
    "Configuration",
    "Match",
    "Operation",
    "Plan",
    "PlanLimit",
    "ResponseTemplate",
    "Subscription",
]

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HOST: Final = re.compile(r"(\*\.)?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*", re.I)


def _not_empty(instance: Any, attribute: attrs.Attribute[Any], value: str) -> None:
    if not value.strip():
        raise ValueError("it must not be empty")


def _context(instance: Any, attribute: attrs.Attribute[Any], value: str) -> None:
    if not value.startswith("/"):
        raise ValueError(f"{value!r} must begin with '/'")
    if value != "/" and value.endswith("/"):
        raise ValueError(f"{value!r} must not end with '/'")
    if any(character in value for character in "?#{}*"):
        raise ValueError(f"{value!r} is no plain path: it may not hold ?, #, * or braces")


def _hosts(instance: Any, attribute: attrs.Attribute[Any], value: tuple[str, ...]) -> None:
    for host in value:
        if not _HOST.fullmatch(host):
            raise ValueError(f"{host!r} is no host name: write api.example.com or *.example.com, without a port")


@attrs.frozen
class Match:
    """What requests an operation takes: ``method`` (``*`` for any) and a path template under the API's context."""

    method: str
    path: str

    @classmethod
    def parse(cls, text: str) -> Match:
        """From ``METHOD /path/{parameter}``. Raises ValueError when it is something else."""
        method, space, path = text.partition(" ")
        path = path.strip()
        if not space or not _TOKEN.fullmatch(method):
            raise ValueError(f"{text!r} is no match: write METHOD path, such as GET /orders/{{id}}")
        if not path.startswith("/"):
            raise ValueError(f"the path {path!r} of a match must begin with '/'")
        return cls(method.upper(), path)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@attrs.frozen
class ResponseTemplate:
    """An answer in place of the built-in body of one kind of error."""

    status: int | None = attrs.field(
        default=None,
        validator=attrs.validators.optional(attrs.validators.and_(attrs.validators.ge(100), attrs.validators.le(599))),
    )
    """HTTP status; without it, that of the error."""
    headers: Mapping[str, Template] = attrs.field(factory=dict)
    """Header fields that are set on the answer."""
    body: Template | None = None
    """The body; without it, the built-in one."""
    content_type: str = "application/json"
    """Media type of the body."""


@attrs.frozen
class Plan:
    """How consumers get in: a way to authenticate and the limits that come with it."""

    name: str = attrs.field(validator=_not_empty)
    """Name of the plan, unique in its API."""
    authentication: PluginReference = attrs.field(metadata={"plugin": "authenticator"})
    """The authenticator, such as `jwt` or `api-key`, with its settings; `keyless` lets everybody in. Several of them
    under `any` or `all`, and within `all` one that may be missing under `optional`."""
    limits: tuple[PlanLimit | Step, ...] = ()
    """Limits for each subscription to this plan: so many `requests` in so much time, or any policy that limits with its
    settings, such as `quota: {requests: 100000, per: 1 month}`. They run in this order, before every REQUEST flow."""
    flows: Flows = NO_FLOWS
    """Policies that run for consumers of this plan."""
    when: Expression | None = None
    """Condition in CEL for the plan to be considered at all."""
    subscription: Literal["required", "none"] | None = None
    """Whether the application must be subscribed; without it, the authenticator decides: `keyless` needs none."""
    source: SourceRef = attrs.field(default=NOWHERE, init=False, eq=False, repr=False)


@attrs.frozen
class Operation:
    """What an API offers under one method and path."""

    match: Match
    """Method and path below the API's context: `GET /orders/{id}`; `*` is any method, a last `/*` any rest."""
    name: str | None = None
    """Name of the operation in records and metrics; a definition brings its operationId."""
    scopes: tuple[str, ...] = ()
    """Scopes of which the consumer's token must carry at least one."""
    authentication: Literal["none"] | None = None
    """`none` opens this operation to everybody, whatever the plans say."""
    flows: Flows = NO_FLOWS
    """Policies that run for this operation."""
    endpoint: PluginReference | None = attrs.field(default=None, metadata={"plugin": "endpoint"})
    """Where requests of this operation go, in place of the API's endpoint."""
    source: SourceRef = attrs.field(default=NOWHERE, init=False, eq=False, repr=False)


@attrs.frozen
class Api:
    """An API: a context path, its operations, where they go and who may call them."""

    name: str = attrs.field(validator=_not_empty)
    """Name of the API."""
    context: str = attrs.field(validator=_context)
    """Path under which the API is reached, its version included where it should be part of it."""
    version: str = attrs.field(default="1.0", validator=_not_empty)
    """Version of the API; in quotes, for 1.0 alone is a number."""
    description: str = ""
    """What the API is for."""
    hosts: tuple[str, ...] = attrs.field(default=(), validator=_hosts)
    """Host names under which the API is reached, exact or with a wildcard label in front; without it, any."""
    labels: tuple[str, ...] = ()
    """Words by which governance policies are attached to the API."""
    definition: Path | None = None
    """OpenAPI 3.0, 3.1 or Swagger 2 document, relative to this file, that brings the operations."""
    endpoint: PluginReference | None = attrs.field(default=None, metadata={"plugin": "endpoint"})
    """Where requests end, such as `http`. Without it, every operation needs an endpoint of its own."""
    plans: tuple[Plan, ...] = ()
    """Ways in, tried in this order. Without any, nobody gets in."""
    flows: Flows = NO_FLOWS
    """Policies that run for every operation of the API."""
    operations: tuple[Operation, ...] = ()
    """Operations; they add to those of the definition and win over one of the same method and path."""
    response_templates: Mapping[str, ResponseTemplate] = attrs.field(factory=dict)
    """Answers by error key, or `DEFAULT`, in place of the gateway's."""
    sandbox: PluginReference | None = attrs.field(default=None, metadata={"plugin": "endpoint"})
    """Where requests with sandbox keys end; without it, they are refused with 403."""
    tenant: str | None = None
    """The tenant that the API belongs to."""
    key_managers: tuple[str, ...] | None = None
    """Names of the only key managers whose tokens it takes; without it, all of its tenant's and those of no tenant."""
    status: Literal["published", "blocked"] = "published"
    """`blocked` answers every request with 503."""
    source: SourceRef = attrs.field(default=NOWHERE, init=False, eq=False, repr=False)


@attrs.frozen
class ApplicationKey:
    """A credential by which an application is known: `api-key: ...`, `client_id: ...`, and what else is said of it."""

    kind: str
    """The kind of credential, as authenticators call it: `api-key`, `client_id`, `certificate` ..."""
    value: Secret
    """The credential, or what names it, such as a client's id; of a certificate its PEM file, or its SHA-256."""
    key_manager: str | None = None
    """The key manager that knows the `client_id`; without it, any."""
    type: KeyType = "production"
    """For which of the two worlds the key is."""
    expires: datetime | None = attrs.field(default=None, validator=attrs.validators.optional(aware))
    """Until when it is good, such as `2027-01-01T00:00:00Z`; without it, for good."""
    addresses: tuple[Network, ...] = ()
    """Networks from which an `api-key` may be used; without any, from anywhere."""
    referers: tuple[str, ...] = attrs.field(default=(), validator=page_patterns)
    """Pages (`www.a.com/path`, `www.a.com/*`, `*.a.com/*`) whose `Referer` an `api-key` may be used with; without any,
    all."""

    def __attrs_post_init__(self) -> None:
        if self.key_manager is not None and self.kind != "client_id":
            raise ValueError(f"only a client_id is one of a key manager's, not a key of the kind {self.kind!r}")
        if (self.addresses or self.referers) and self.kind in ("client_id", "certificate"):
            raise ValueError(f"a {self.kind} cannot be bound to addresses or referers: use the policy ip-filter")


@attrs.frozen
class Subscription:
    """An application's use of an API under one of its plans."""

    api: str
    """Name of the API."""
    plan: str
    """Name of the plan."""
    version: str | None = None
    """Version of the API; without it, every version that has the plan."""
    state: SubscriptionState = "active"
    """Whether it lets calls in: only an active one does; a production-blocked one for sandbox keys."""
    key_type: KeyType | None = None
    """The only type of key that may use it; without it, both."""
    starts: datetime | None = attrs.field(default=None, validator=attrs.validators.optional(aware))
    """From when it holds, such as `2027-01-01T00:00:00Z`; without it, from now."""
    ends: datetime | None = attrs.field(default=None, validator=attrs.validators.optional(aware))
    """Until when it holds; without it, for good."""
    id: str | None = attrs.field(default=None, validator=attrs.validators.optional(identifier))
    """Its id in records, and what its limits are counted by; without it, one made of the names."""
    source: SourceRef = attrs.field(default=NOWHERE, init=False, eq=False, repr=False)


@attrs.frozen
class Application:
    """A consumer."""

    name: str = attrs.field(validator=_not_empty)
    """Name of the application."""
    owner: str | None = None
    """Who answers for it."""
    keys: tuple[ApplicationKey, ...] = ()
    """Credentials of the application, each with its kind as key: `api-key: ...`, `client_id: ...`, `certificate: ...`;
    beside it `type`, `expires`, and what bounds it."""
    subscriptions: tuple[Subscription, ...] = ()
    """APIs and plans that it uses."""
    tenant: str | None = None
    """The tenant that it belongs to, where there are tenants."""
    blocked: bool = False
    """Whether nobody may call on its behalf."""
    attributes: Mapping[str, str] = attrs.field(factory=dict)
    """What else is to be known of it, for policies and the token for the backend."""
    id: str | None = attrs.field(default=None, validator=attrs.validators.optional(identifier))
    """Its id in records, and what its limits are counted by; without it, one made of the name."""
    source: SourceRef = attrs.field(default=NOWHERE, init=False, eq=False, repr=False)


@attrs.frozen
class Configuration:
    """The whole of what a gateway runs."""

    include: tuple[str, ...] = ()
    """More files, folders or patterns, relative to this file: lists are added to, mappings merged."""
    welcome: str = ""
    """Text that the start writes to standard output, for whoever tries the gateway out."""
    listen: tuple[Listener, ...] = (Listener(Address("127.0.0.1", 8080)),)
    """Where requests come in: `host:port`, a mapping with more settings, or a list of these."""
    management: Management = attrs.field(factory=Management)
    """The port for health, readiness and metrics."""
    trusted_proxies: tuple[Network, ...] = ()
    """Networks whose word on the client's address, scheme and host is believed."""
    forwarding_header: Literal["X-Forwarded-For", "Forwarded"] = "X-Forwarded-For"
    """Which of the two families those proxies write; the other is removed, for they may pass on a client's."""
    guarded_headers: tuple[str, ...] = ("X-JWT-Assertion",)
    """Headers about the caller that only the gateway sets: what a client sends under these names is dropped."""
    via: str = ""
    """Name of this gateway in `Via`, by which a request that comes back is known; without it, one of the host."""
    workers: int = attrs.field(default=1, validator=attrs.validators.ge(1))
    """How many processes serve."""
    limits: Limits = attrs.field(factory=Limits)
    """The most that clients may send or hold."""
    timeouts: Timeouts = attrs.field(factory=Timeouts)
    """How long the gateway waits for clients."""
    log: Log = attrs.field(factory=Log)
    """The gateway's own log."""
    limit_policy: str = "rate-limit"
    """The policy that a plan's `limits` are settings of; it is given `key: subscription` beside them."""
    egress: Egress = Egress()
    """Where the gateway itself and its plugins may call out to; backends of endpoints are not bound by it."""
    key_type: Literal["production", "sandbox"] | None = None
    """The only kind of keys that this gateway takes, where there is another for the other kind."""
    key_managers: Mapping[str, TrustedKeyManager] = attrs.field(factory=dict, metadata={"plugin": "key manager"})
    """Authorization servers that are trusted, by the name that authenticators use."""
    stores: Mapping[str, PluginReference] = attrs.field(factory=dict, metadata={"plugin": "store"})
    """Where state lives that outlasts a request, such as `sqlite` or `redis`, by the name that plugins use."""
    counters: Mapping[str, PluginReference] = attrs.field(factory=dict, metadata={"plugin": "counter store"})
    """Where limits count that several processes share, such as `redis-counters`, by the name that limits use; the one
    named `default` is for those that name none."""
    access: Access = attrs.field(factory=Access)
    """Applications, keys, subscriptions and revocations beside those that are written here."""
    sinks: tuple[PluginReference, ...] = attrs.field(default=(), metadata={"plugin": "sink"})
    """Where a record of every request goes."""
    governance: PluginReference | None = attrs.field(default=None, metadata={"plugin": "governor"})
    """Who judges the APIs before they are served, such as `governor`; what it blocks is refused, the rest is told."""
    flows: Flows = NO_FLOWS
    """Policies that run for every request."""
    apis: tuple[Api, ...] = ()
    """The APIs."""
    applications: tuple[Application, ...] = ()
    """The consumers."""
    response_templates: Mapping[str, ResponseTemplate] = attrs.field(factory=dict)
    """Answers by error key, or `DEFAULT`, in place of the built-in ones."""

    def locate(self, source: SourceRef) -> Location:
        """Where in its file a part of the configuration was written; the file is read again for it."""
        return locate(source)
