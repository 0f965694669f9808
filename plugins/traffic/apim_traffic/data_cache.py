"""Keep values between requests: get, set and evict them in flows."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import Any, ClassVar, Final, Literal

import attrs
from apim_sdk import Context, Duration, ErrorKind, Exchange, Policy, Reject, Size, Store, Template, state

__all__ = ["DataCache"]

_AWAY: Final = ErrorKind("DATA_CACHE_UNAVAILABLE", "503", 503, "Service Unavailable", "A store is away")


def _positive(instance: Any, attribute: attrs.Attribute[Any], value: Duration) -> None:
    if value <= 0:
        raise ValueError("it must be longer than nothing")


@attrs.frozen
class DataCache(Policy):
    """Gets, sets or evicts a value under a key, for later requests and other steps.

    Values are texts. What was got is in `variables`, for the steps that follow: `{{ variables.rate }}`. Keys belong to
    the API, unless `shared_by` says that all APIs have the same.
    """

    example: ClassVar[Any] = {
        "store": "main",
        "operation": "get",
        "key": "rate/{{ path.currency }}",
        "variable": "rate",
    }

    store: str
    """The store that keeps the values, by its name under `stores`."""
    key: Template
    """The key, such as `rate/{{ path.currency }}`."""
    operation: Literal["get", "set", "evict"] = "get"
    """What to do: read the value into `variable`, keep `value`, or forget it."""
    value: Template | None = None
    """The value to keep, for `set`."""
    ttl: Duration = attrs.field(default=Duration("1h"), validator=_positive)
    """How long a value is kept, for `set`."""
    variable: str = attrs.field(default="cached", validator=attrs.validators.min_len(1))
    """The variable that gets the value, for `get`; null where there is none."""
    miss_variable: str = attrs.field(default="cache_miss", validator=attrs.validators.min_len(1))
    """The variable that says, for `get`, whether there was none: true or false."""
    shared_by: Literal["api", "gateway"] = "api"
    """Whose keys these are: each API's own, or the same for all."""
    max_value: Size = Size("64KiB")
    """The largest value that is kept; what was there before is then forgotten."""
    on_store_error: Literal["open", "closed"] = "open"
    """What happens where the store is away: `open` goes on as if there were no value, `closed` refuses with 503."""
    _store: Store = state()
    _failed: Callable[[], None] = state()
    _refused: Callable[[], None] = state()

    def __attrs_post_init__(self) -> None:
        if (self.operation == "set") != (self.value is not None):
            raise ValueError("`value` is what `set` keeps: it needs one, the other operations take none")

    async def start(self, context: Context) -> None:
        counter, place = context.metrics.counter, context.place
        failed = counter("apim_data_cache_store_failures_total", "Times that the store of a step failed", ("place",))
        refused = counter("apim_data_cache_too_large_total", "Values that were too large to be kept", ("place",))
        self.hold(_store=context.store(self.store), _failed=lambda: failed(place), _refused=lambda: refused(place))

    async def on_request(self, exchange: Exchange) -> None:
        await self._do(exchange)

    async def on_response(self, exchange: Exchange) -> None:
        await self._do(exchange)

    async def _do(self, exchange: Exchange) -> None:
        found: str | None = None
        try:
            found = await self._operate(exchange, self._key(exchange))
        except OSError as error:
            self._failed()
            if self.on_store_error == "closed":
                raise Reject(_AWAY, detail=str(error)) from error
        if self.operation == "get":
            exchange.variables[self.variable] = found
            exchange.variables[self.miss_variable] = found is None

    async def _operate(self, exchange: Exchange, key: str) -> str | None:
        """The value, for `get`. Raises OSError."""
        if self.operation == "get":
            value = await self._store.get(key)
            return None if value is None else value.decode("utf-8", "replace")
        if self.value is not None:
            data = self.value.render(exchange).encode("utf-8", "surrogatepass")
            if len(data) <= self.max_value:
                await self._store.put(key, data, self.ttl)
                return None
            self._refused()
        await self._store.delete(key)
        return None

    def _key(self, exchange: Exchange) -> str:
        """The key in the store: a digest, as what is written may be long; texts that differ never share one."""
        api = exchange.api
        owner = ("gateway",) if self.shared_by == "gateway" else ("api", api.name, api.version)
        what = repr((*owner, self.key.render(exchange)))
        return f"data-cache/{blake2b(what.encode('utf-8', 'surrogatepass'), digest_size=20).hexdigest()}"
