"""What calls are counted by: who or what they have in common.

A key is a short text. Ids begin with a letter or a digit; addresses, which stand in where there is no identity, with
``.`` or ``:``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import blake2b
from ipaddress import ip_address
from typing import Any, Final

from apim_sdk import ANONYMOUS, API, Exchange, Expression, Operation

__all__ = ["PARTS", "Key", "key_of", "named_key", "reset_of", "short"]

Key = Callable[[Exchange], str]

_LONGEST: Final = 64
"""Longest text that is kept as it is; a client must not fill the memory with long ones."""

PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "api": ("api", "version"),
    "operation": ("api", "version", "operation"),
    "plan": ("api", "version", "plan"),
    "application": ("application",),
    "application-user": ("application", "user"),
    "subscription": ("subscription",),
    "ip": ("address",),
    "principal.subject": ("issuer", "user"),
}
"""The keys that have a name, and the parts that say which one is meant, such as for a reset."""
_NAMED: Final = {part for parts in PARTS.values() for part in parts} | {"value", "key_type"}


def key_of(what: str | Expression, ipv6_prefix: int = 64) -> Key:
    """The key of that name, or the value of a CEL expression."""
    return _presets(ipv6_prefix)[what] if isinstance(what, str) else _valued(what)


def named_key(name: str, parts: Mapping[str, str], ipv6_prefix: int = 64) -> str | None:
    """The text of the key of that name for whom ``parts`` describes; None where they are not this key's parts.

    A key that is an expression has one part, its ``value``. A subject without an issuer is named without it, too.
    """
    wanted = PARTS.get(name, ("value",))
    given = {"issuer": "", **parts} if "issuer" in wanted else parts
    if set(given) != set(wanted):
        return None
    values = [given[part] for part in wanted]
    if name == "ip":
        try:
            address = ip_address(values[0].partition("%")[0])
        except ValueError:
            return None
        return _address_text((getattr(address, "ipv4_mapped", None) or address).packed, 128 - ipv6_prefix)
    return values[0] if name in ("application", "subscription") else short("\n".join(values))


def reset_of(arguments: Mapping[str, Any]) -> tuple[str, Mapping[str, str]]:
    """What a reset is about: a place, or nothing for all, and the parts of a key. Raises ValueError."""
    place, parts = arguments.get("place", ""), arguments.get("key")
    if not arguments.keys() <= {"place", "key"} or not isinstance(place, str):
        raise ValueError('a reset has a `key`, such as {"application": "a1"}, and may have a `place`')
    if not isinstance(parts, dict) or not parts or not parts.keys() <= _NAMED:
        raise ValueError(f"the key to reset is described by some of {', '.join(sorted(_NAMED))}")
    if not all(isinstance(value, str) for value in parts.values()):
        raise ValueError("each part of the key to reset is a text")
    return place.strip("/"), parts


def short(text: str) -> str:
    """The text itself, or the digest of a long one, which is longer than any text that is kept."""
    if len(text) <= _LONGEST:
        return text
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_LONGEST // 2 + 1).hexdigest()


def _address_text(packed: bytes, shift: int) -> str:
    number = int.from_bytes(packed)
    return f".{number:x}" if len(packed) == 4 else f":{number >> shift:x}"


def _presets(ipv6_prefix: int) -> Mapping[str, Key]:
    """The keys that have a name. Where a call has no application, subscription or subject, its address stands in."""
    shift = 128 - ipv6_prefix

    # A step mostly sees one API or operation, whose text is made once.
    last_api: tuple[API | None, str] = (None, "")
    last_operation: tuple[Operation | None, str] = (None, "")

    def api(exchange: Exchange) -> str:
        nonlocal last_api
        known, text = last_api
        if (called := exchange.api) is not known:
            text = short(f"{called.name}\n{called.version}")
            last_api = called, text
        return text

    def operation(exchange: Exchange) -> str:
        nonlocal last_operation
        known, text = last_operation
        if (called := exchange.operation) is not known:
            api = exchange.api
            text = short(f"{api.name}\n{api.version}\n{called.method} {called.template}")
            last_operation = called, text
        return text

    def plan(exchange: Exchange) -> str:
        plan = exchange.plan
        return short(f"{exchange.api.name}\n{exchange.api.version}\n{'' if plan is None else plan.name}")

    def address(exchange: Exchange) -> str:
        address = exchange.client.address
        return f".{int(address):x}" if address.version == 4 else f":{int(address) >> shift:x}"

    def application(exchange: Exchange) -> str:
        application = exchange.application
        return address(exchange) if application is None else application.id

    def application_user(exchange: Exchange) -> str:
        application, principal = exchange.application, exchange.principal
        if application is None:
            return subject(exchange)
        if principal is None or principal is ANONYMOUS:
            return application.id
        return short(f"{application.id}\n{principal.subject}")

    def subscription(exchange: Exchange) -> str:
        subscription = exchange.subscription
        return application(exchange) if subscription is None else subscription.id

    def subject(exchange: Exchange) -> str:
        principal = exchange.principal
        if principal is None or principal is ANONYMOUS:
            return address(exchange)
        return short(f"{principal.issuer or ''}\n{principal.subject}")

    return {
        "api": api,
        "operation": operation,
        "plan": plan,
        "application": application,
        "application-user": application_user,
        "subscription": subscription,
        "ip": address,
        "principal.subject": subject,
    }


def _valued(expression: Expression) -> Key:
    """The value of an expression, of any type, as a key."""
    evaluate = expression.evaluate

    def key(exchange: Exchange) -> str:
        value = evaluate(exchange)
        return short(value if isinstance(value, str) else repr(value))

    return key
