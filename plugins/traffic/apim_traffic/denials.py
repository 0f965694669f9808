"""Who is denied: conditions, and a table in which the plain ones are looked up however many there are."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, summarize_address_range
from typing import Any

import attrs
from apim_sdk import ANONYMOUS, Exchange, Expression, state

__all__ = ["Condition", "Denials"]

_Address = IPv4Address | IPv6Address


def _networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """The networks of ``192.0.2.1``, ``192.0.2.0/24`` or ``192.0.2.10-192.0.2.99``. Raises ValueError."""
    first, dash, last = text.partition("-")
    try:
        if dash:
            return tuple(summarize_address_range(ip_address(first.strip()), ip_address(last.strip())))
        network = IPv6Network(text) if ":" in text else IPv4Network(text)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{text!r} is no address, network or range first-last: {error}") from None
    return (network,)


@attrs.frozen
class Condition:
    """Whom to deny: all that is said must hold of a call; with `invert`, whoever it does not hold of."""

    api: str | None = None
    """The API, by its context path, such as `/orders/1.0`, or by `name` or `name:version`."""
    application: str | None = None
    """The application, by its id, its name or `owner:name`."""
    user: str | None = None
    """The subject of the credential."""
    address: str | None = None
    """The client's address, a network, or a range such as `192.0.2.10-192.0.2.99`."""
    when: Expression | None = None
    """A condition in CEL."""
    invert: bool = False
    """Whether it denies everybody else instead."""
    enabled: bool = True
    """Whether it counts; with `false` it is kept without denying anybody."""
    _networks: tuple[IPv4Network | IPv6Network, ...] = state()

    def __attrs_post_init__(self) -> None:
        if self.plain == {} and self.when is None:
            raise ValueError("say whom to deny: `api`, `application`, `user`, `address` or `when`")
        object.__setattr__(self, "_networks", () if self.address is None else _networks(self.address))

    @property
    def plain(self) -> dict[str, str]:
        """What is compared, by name."""
        named = {"api": self.api, "application": self.application, "user": self.user, "address": self.address}
        return {name: value for name, value in named.items() if value is not None}

    def denies(self, exchange: Exchange) -> bool:
        """Whether the call is denied."""
        return self._holds(exchange) is not self.invert

    def _holds(self, exchange: Exchange) -> bool:
        address = exchange.client.address
        return (
            (self.api is None or self.api in _names_of_api(exchange))
            and (self.application is None or self.application in _names_of_application(exchange))
            and (self.user is None or self.user == _user(exchange))
            and (self.address is None or any(address in network for network in self._networks))
            and (self.when is None or self.when.evaluate(exchange) is True)
        )


class Denials:
    """A set of conditions. Those of one value are looked up, the others are gone through one by one."""

    def __init__(self, conditions: Iterable[Condition] = ()) -> None:
        self._looked_up: dict[str, set[Any]] = {"api": set(), "application": set(), "user": set(), "address": set()}
        self._others: list[Condition] = []
        for condition in conditions:
            if condition.enabled:
                self._add(condition)

    def _add(self, condition: Condition) -> None:
        plain = condition.plain
        if len(plain) != 1 or condition.when is not None or condition.invert:
            self._others.append(condition)
            return
        ((name, value),) = plain.items()
        if name != "address":
            self._looked_up[name].add(value)
        elif (single := _single(condition)) is not None:
            self._looked_up[name].add(single)
        else:
            self._others.append(condition)

    def deny(self, exchange: Exchange) -> bool:
        """Whether the call is denied."""
        known = self._looked_up
        return bool(
            (known["address"] and exchange.client.address in known["address"])
            or (known["api"] and not known["api"].isdisjoint(_names_of_api(exchange)))
            or (known["application"] and not known["application"].isdisjoint(_names_of_application(exchange)))
            or (known["user"] and _user(exchange) in known["user"])
            or any(condition.denies(exchange) for condition in self._others)
        )


def _single(condition: Condition) -> _Address | None:
    """The address that a condition is for, if it is one alone."""
    networks = condition._networks
    return networks[0].network_address if len(networks) == 1 and networks[0].num_addresses == 1 else None


def _names_of_api(exchange: Exchange) -> tuple[str, ...]:
    api = exchange.api
    return api.context, api.name, f"{api.name}:{api.version}"


def _names_of_application(exchange: Exchange) -> tuple[str, ...]:
    application = exchange.application
    if application is None:
        return ()
    owned = f"{application.owner}:{application.name}"
    return application.id, application.name, owned


def _user(exchange: Exchange) -> str | None:
    principal = exchange.principal
    return None if principal is None or principal is ANONYMOUS else principal.subject
