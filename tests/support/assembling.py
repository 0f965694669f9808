"""A sound configuration to change, and the plugins that it names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
from apim_sdk import Authenticator, Credential, Endpoint, Exchange, Policy, Principal, Response, Secret, Sink

from apim_core.assembly import Assembly, Observer, assemble
from support.gateway import configuration, registry_with


@attrs.frozen
class Passing(Policy):
    """Stands in the request flow."""

    words: tuple[str, ...] = ()
    """Anything."""

    def on_request(self, exchange: Exchange) -> None:
        pass


@attrs.frozen
class Returning(Policy):
    """Stands in the response flow."""

    def on_response(self, exchange: Exchange) -> None:
        pass


@attrs.frozen
class Idle(Policy):
    """Defines none of the methods of a policy."""


@attrs.frozen
class Ending(Endpoint):
    """Answers."""

    async def send(self, exchange: Exchange) -> Response:
        return Response(200)


@attrs.frozen
class Knowing(Authenticator):
    """Knows everybody."""

    def find(self, exchange: Exchange) -> Credential | None:
        return Credential("x", Secret("x"))

    def judge(self, credential: Credential, exchange: Exchange) -> Principal:
        return Principal("x")


@attrs.frozen
class Counting(Policy):
    """Is told what a plan's limits say."""

    requests: int
    """How many."""
    per: str
    """In what time."""
    key: str
    """Whose."""
    burst: int | None = None
    """At once."""

    def on_request(self, exchange: Exchange) -> None:
        pass


@attrs.frozen
class Noting(Sink):
    """Takes records."""


PLUGINS: dict[str, Any] = {
    "passing": Passing,
    "returning": Returning,
    "idle": Idle,
    "ending": Ending,
    "knowing": Knowing,
    "counting": Counting,
    "noting": Noting,
}

SOUND = """\
listen: 127.0.0.1:8080
management: {enabled: false}
apis:
  - name: items
    context: /items
    endpoint: {ending: {}}
    plans:
      - {name: known, authentication: {knowing: {}}}
    operations:
      - match: GET /
"""


def assembled(text: str, folder: Path) -> Assembly:
    registry = registry_with(**PLUGINS)
    return assemble(configuration(text, folder), registry, Observer(lambda *_: None, lambda _: None))


def changed(old: str, new: str, text: str = SOUND) -> str:
    assert text.count(old) == 1
    return text.replace(old, new)
