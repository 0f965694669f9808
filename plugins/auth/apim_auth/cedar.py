"""Decide by policies in Cedar."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Final, Literal

import attrs
import cedarpy
from apim_sdk import Context, Exchange, Policy, Reject, Template, errors, state

from apim_auth.authorization_request import header_names
from apim_auth.cedar_context import cedar_text, context_of

__all__ = ["Cedar", "CedarEntity", "CedarPolicies"]

_TYPE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(::[A-Za-z_][A-Za-z0-9_]*)*")


def _type(instance: Any, attribute: attrs.Attribute[Any], value: str | None) -> None:
    if value is not None and not _TYPE.fullmatch(value):
        raise ValueError(f"{value!r} is no type of entities")


@attrs.frozen
class CedarPolicies:
    """Where policies are: one of the two."""

    file: Path | None = None
    """File, relative to this one; read again whenever the configuration is."""
    text: str | None = None
    """The policies themselves."""

    def __attrs_post_init__(self) -> None:
        if (self.file is None) == (self.text is None):
            raise ValueError("say where the policies are: `file` or `text`")


@attrs.frozen
class CedarEntity:
    """An entity that a request is about."""

    type: str = attrs.field(validator=_type)
    """Its type, such as `User` or `Shop::User`."""
    id: Template
    """Its id."""

    def render(self, exchange: Exchange) -> dict[str, str]:
        """The entity as data: whatever its id is, it is one id. Raises Reject for one that Cedar cannot have, which it
        must not take for another's."""
        found = self.id.render(exchange)
        if found != cedar_text(found):
            raise Reject(errors.AUTHORIZATION_DENIED, detail=f"the id of the {self.type} is no text: {found!a:.80}")
        return {"type": self.type, "id": found}


@attrs.frozen
class Cedar(Policy):
    """Decides by policies in Cedar whether a call is allowed: 403 unless one permits it and none forbids it.

    `context` holds the method, path, client, claims, application, plan, API, operation and path parameters. What has no
    value is left out; lists are sets; numbers that are not whole are text. Needs `apim[cedar]`.
    """

    example: ClassVar[Any] = {
        "policies": {
            "text": 'permit(principal, action == Action::"GET", resource == API::"orders")\n'
            'when { context.claims has tenant && context.claims.tenant == "acme" };'
        }
    }

    policies: CedarPolicies
    """The policies; they are compiled when the configuration is loaded."""
    entities: Path | None = None
    """File of entities (JSON) that policies speak of, relative to this one."""
    schema_: Path | None = None
    """File of a schema, in Cedar's syntax or JSON, that policies and entities must fit."""
    principal: CedarEntity = attrs.field(factory=lambda: CedarEntity("User", Template("{{ principal.subject }}")))
    """Who calls; without it, the `User` of the principal's subject."""
    action: CedarEntity = attrs.field(factory=lambda: CedarEntity("Action", Template("{{ request.method }}")))
    """What is done; without it, the `Action` of the method."""
    resource: CedarEntity = attrs.field(factory=lambda: CedarEntity("API", Template("{{ api.name }}")))
    """On what; without it, the `API` of the API's name."""
    role_type: str | None = attrs.field(default=None, validator=_type)
    """Type of the entities that roles are; with it, the principal is in each of its roles. The file of entities then
    has none of the principal's type."""
    headers: tuple[str, ...] = ()
    """Header fields of the request that are in `context.headers`; never those that carry credentials."""
    policy_errors: Literal["refuse", "skip"] = "refuse"
    """What happens where a policy has an error on a call: it is refused (500), or the policy does not count, which is
    Cedar's own way: a `forbid` with an error in it then forbids nothing."""
    _policies: cedarpy.PolicySet = state()
    _entities: cedarpy.Entities = state()
    _context: Callable[[Exchange], dict[str, Any]] = state()

    def __attrs_post_init__(self) -> None:
        header_names(self.headers)

    async def start(self, context: Context) -> None:
        source = self.policies
        text = source.text if source.file is None else await asyncio.to_thread(source.file.read_text, "utf-8")
        schema = None if self.schema_ is None else await asyncio.to_thread(self.schema_.read_text, "utf-8")
        listed = "[]" if self.entities is None else await asyncio.to_thread(self.entities.read_text, "utf-8")
        assert text is not None, "there is a file or a text"
        policies = _compiled(text, schema, str(source.file or "the policies"))
        self.hold(
            _policies=policies,
            _entities=self._read_entities(listed, schema),
            _context=context_of(text, header_names(self.headers)),
        )

    def on_request(self, exchange: Exchange) -> None:
        if exchange.principal is None:
            raise Reject(errors.AUTHORIZATION_DENIED, detail="nobody has been authenticated")
        principal = self.principal.render(exchange)
        request = {
            "principal": principal,
            "action": self.action.render(exchange),
            "resource": self.resource.render(exchange),
            "context": self._context(exchange),
        }
        result = cedarpy.is_authorized(request, self._policies, self._entities_for(principal, exchange))
        problems = result.diagnostics.errors
        if result.decision is cedarpy.Decision.NoDecision or (problems and self.policy_errors == "refuse"):
            raise Reject(errors.AUTHORIZATION_FAILURE, detail="; ".join(problems))
        if not result.allowed:
            found = ", ".join(result.diagnostics.reasons)
            raise Reject(
                errors.AUTHORIZATION_DENIED, detail=f"forbidden by {found}" if found else "no policy permits it"
            )

    def _read_entities(self, listed: str, schema: str | None) -> cedarpy.Entities:
        place = self.entities
        try:
            found = cedarpy.Entities.from_json_str(listed, schema)
            known = {each["uid"].get("__entity", each["uid"])["type"] for each in json.loads(listed)}
        except (ValueError, AttributeError, KeyError) as error:
            raise ValueError(f"{place} holds no entities of Cedar: {error}") from error
        if self.role_type is not None and self.principal.type in known:
            kind = self.principal.type
            raise ValueError(f"{place} has entities of the type {kind}: with `role_type` the gateway makes them itself")
        return found

    def _entities_for(self, principal: dict[str, str], exchange: Exchange) -> cedarpy.Entities:
        """The entities of the file, with the principal in its roles where that is wanted."""
        if self.role_type is None or exchange.principal is None:
            return self._entities
        roles = sorted(role for role in exchange.principal.roles if role == cedar_text(role))
        parents = [{"type": self.role_type, "id": role} for role in roles]
        return self._entities.with_added_json_str(json.dumps([{"uid": principal, "attrs": {}, "parents": parents}]))


def _compiled(text: str, schema: str | None, place: str) -> cedarpy.PolicySet:
    """The policies, compiled. Raises ValueError where they are none, or do not fit the schema."""
    try:
        policies = cedarpy.PolicySet.from_str(text)
        problems = [] if schema is None else cedarpy.validate_policies(text, schema).errors
    except ValueError as error:
        raise ValueError(f"{place}: {error}; write Cedar, such as permit(principal, action, resource);") from error
    if problems:
        raise ValueError(f"{place} does not fit the schema: {'; '.join(problem.error for problem in problems)}")
    return policies
