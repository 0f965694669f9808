"""Count limits in Redis or Valkey."""

from __future__ import annotations

from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

import attrs
from apim_sdk import Context, CounterMetrics, CounterStore, Duration, Limit, Secret, SharedCounter, state

from apim_stores.redis_address import Address, Sentinels, address_of, check_url
from apim_stores.redis_cluster import Cluster
from apim_stores.redis_counting import SET_UP, Counting
from apim_stores.redis_members import Member
from apim_stores.redis_servers import Servers, Single, ask_sentinels
from apim_stores.tls import TLS

__all__ = ["RedisCounters"]


def _bounded(instance: Any, attribute: attrs.Attribute[Any], value: Duration) -> None:
    if not 0.001 <= value <= 10:
        raise ValueError("wait for the server for 1ms at least and 10s at most")


def _without_braces(instance: Any, attribute: attrs.Attribute[Any], value: str) -> None:
    if "{" in value or "}" in value:
        raise ValueError("braces are for the hash tags that follow the prefix")


@attrs.frozen
class RedisCounters(CounterStore):
    """Counts in Redis (6.2 or newer) or Valkey, for all gateways that reach the server.

    Every decision is one step of the server, by its clock, so all gateways together let through what the limit says.
    What is asked at the same time goes together. Where the server is away or slow, what needs it is told so within
    `timeout`, and connections come back by themselves. Counts that a master had not passed on are lost in a failover.
    """

    example: ClassVar[Any] = {"url": "redis://127.0.0.1:6379/0"}
    shared_by: ClassVar[Literal["node", "network"]] = "network"

    url: Secret = attrs.field(validator=check_url)
    """Where the server is: `redis://user:password@host:6379/0` with the number of the database, `rediss://` for TLS,
    `unix:///path` for a socket. With Sentinels the host is the name that they know the master by; of a cluster it is
    any node."""
    sentinels: Sentinels | None = None
    """The Sentinels to ask for the master."""
    cluster: bool = False
    """Whether the server is one of a cluster, over whose masters the counts are spread."""
    tls: TLS = TLS()
    """TLS, where the scheme is `rediss`; it is for Sentinels and all nodes of a cluster too."""
    prefix: str = attrs.field(default="apim:count:", validator=[attrs.validators.max_len(64), _without_braces])
    """What every key in Redis begins with; gateways that count together have the same."""
    timeout: Duration = attrs.field(default=Duration("50ms"), converter=Duration, validator=_bounded)
    """How long a decision may take. One that takes longer fails, and then it is not known whether it counted."""
    waiting: int = attrs.field(default=10_000, validator=attrs.validators.ge(1))
    """The most decisions of each process that wait for the server; more fail at once."""
    _counting: Counting = state()

    def __attrs_post_init__(self) -> None:
        if self.cluster and self.sentinels is not None:
            raise ValueError("a cluster needs no Sentinels: leave out one of `cluster` and `sentinels`")
        if self.cluster and address_of(self.url.reveal(), None).database:
            raise ValueError("a cluster has no databases: leave the number out of the URL")

    async def start(self, context: Context) -> None:
        metrics = CounterMetrics(context.metrics, context.place)
        same = ("redis-counters member", self.url, self.sentinels, self.cluster, self.prefix)
        member = await context.shared(same, Member)
        counting = await context.shared(("redis-counters", self, context.place), lambda: self._open(metrics, member))
        self.hold(_counting=counting)
        try:
            await counting.ready()
        except OSError as error:
            context.log.warning("A counter store is away at the start", error=str(error))

    def counter(self, name: str, limit: Limit) -> SharedCounter:
        return self._counting.counter(name, limit)

    async def members(self) -> int:
        return await self._counting.membership.count()

    def _open(self, metrics: CounterMetrics, member: Member) -> Counting:
        return Counting(self._servers(), self.prefix, self.timeout, self.waiting, metrics, member)

    def _servers(self) -> Servers:
        url = self.url.reveal()
        address = address_of(url, self.tls.context() if urlsplit(url).scheme == "rediss" else None)
        if self.cluster:
            return Cluster(address, SET_UP)
        sentinels = self.sentinels
        if sentinels is None:
            return Single(lambda: _known(address), SET_UP)
        username, password = sentinels.username or "", sentinels.password
        watching = Address(username=username, password=password.reveal() if password else "", tls=address.tls)
        asked = [watching.at(host, port) for host, port in sentinels.pairs]
        return Single(lambda: ask_sentinels(asked, address.host, address), SET_UP)


async def _known(address: Address) -> Address:
    return address
