"""Have OpenFGA decide."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Final, Literal
from urllib.parse import quote

import attrs
from apim_sdk import Exchange, Reject, Template, errors, state

from apim_auth.decision_point import Asking, Decision, InvalidDecision

__all__ = ["OpenFGA", "OpenFGAObject"]

_ID: Final = re.compile(r"[^:#\s]{1,256}")
"""What OpenFGA takes as an object's id."""
_NAME: Final = re.compile(r"[^:#@*\s]{1,254}")


def _name(instance: Any, attribute: attrs.Attribute[Any], value: str) -> None:
    if not _NAME.fullmatch(value):
        raise ValueError(f"{value!r} is no name of a type or relation")


@attrs.frozen
class OpenFGAObject:
    """An object of OpenFGA: a user, or a thing."""

    type: str = attrs.field(validator=_name)
    """Its type in the authorization model."""
    id: Template
    """Its id. Where that comes out as something that names no single object, such as `*`, the call is refused."""

    def render(self, exchange: Exchange) -> str | None:
        """The object as OpenFGA writes it, None if this is no id."""
        found = self.id.render(exchange)
        return f"{self.type}:{found}" if found != "*" and _ID.fullmatch(found) else None


def _subject() -> OpenFGAObject:
    return OpenFGAObject("user", Template("{{ principal.subject }}"))


@attrs.frozen(kw_only=True)
class OpenFGA(Asking):
    """Has OpenFGA decide whether the user has a relation to an object, by its HTTP API: 403 if not."""

    example: ClassVar[Any] = {
        "url": "http://127.0.0.1:8080",
        "store": "01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "relation": "reader",
        "object": {"type": "order", "id": "{{ path.id }}"},
    }

    store: str = attrs.field(validator=_name)
    """Id of the store."""
    model: str | None = None
    """Id of the authorization model; without it, the newest. A busy gateway should name it."""
    user: OpenFGAObject = attrs.field(factory=_subject)
    """Who must have the relation; without it, the `user` of the principal's subject."""
    relation: str = attrs.field(validator=_name)
    """The relation that the user must have,"""
    object: OpenFGAObject
    """and to what."""
    consistency: Literal["minimize-latency", "higher-consistency"] = "minimize-latency"
    """Whether OpenFGA may answer out of its own caches, or has to look at the newest tuples."""
    _place: str = state()

    def __attrs_post_init__(self) -> None:
        self.hold(_place=f"{self.url.rstrip('/')}/stores/{quote(self.store, safe='')}/check")

    async def on_request(self, exchange: Exchange) -> None:
        if exchange.principal is None:
            raise Reject(errors.AUTHORIZATION_DENIED, detail="nobody has been authenticated")
        user, thing = self.user.render(exchange), self.object.render(exchange)
        if user is None or thing is None:
            which = "user" if user is None else "object"
            raise Reject(errors.AUTHORIZATION_DENIED, detail=f"the {which} is no single object of OpenFGA")
        question: dict[str, Any] = {
            "tuple_key": {"user": user, "relation": self.relation, "object": thing},
            "consistency": self.consistency.upper().replace("-", "_"),
        }
        if self.model is not None:
            question["authorization_model_id"] = self.model
        decision = await self.ask(self._place, question, _read)
        if not decision.allowed:
            raise Reject(errors.AUTHORIZATION_DENIED, detail=f"{user} is no {self.relation} of {thing}")


def _read(answer: Any) -> Decision:
    """The decision in an answer (OpenFGA API, Check); `allowed` is left out where it is false."""
    if not isinstance(answer, Mapping):
        raise InvalidDecision("it is no object")
    allowed = answer.get("allowed", False)
    if not isinstance(allowed, bool):
        raise InvalidDecision("`allowed` is neither true nor false")
    return Decision(allowed)
