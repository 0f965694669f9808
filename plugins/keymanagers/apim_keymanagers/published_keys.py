"""Keep the keys that a server publishes at a URL that is known beforehand."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from apim_sdk import Context
from apim_sdk.upstream import UpstreamTLS

from apim_keymanagers.freshness import lifetime
from apim_keymanagers.keyset import Key, KeySet, Loaded, keys_of

__all__ = ["keep_keys"]


async def keep_keys(
    context: Context,
    owner: Hashable,
    place: str,
    refresh: float,
    *,
    tls: UpstreamTLS | None = None,
    usable: Callable[[Key], bool] = lambda key: True,
) -> KeySet:
    """The keys at a URL, shared by all snapshots with an equal ``owner``, and fetched again every ``refresh`` seconds.

    The start does not wait for a server that is away. ``usable`` says which keys count.
    """
    keys: KeySet = await context.shared(("published keys", owner), lambda: KeySet(context.clock))

    async def load() -> Loaded:
        answer = await context.fetch(place, headers={"Accept": "application/json"}, tls=tls)
        if answer.status != 200:
            raise ConnectionError(f"{place} answers {answer.status}")
        try:
            found = keys_of(answer.body)
        except ValueError as error:
            raise ValueError(f"{place}: {error}") from error
        counting = tuple(key for key in found if usable(key))
        if not counting:
            raise ValueError(f"{place}: none of its keys is for tokens that are accepted here")
        return Loaded(counting, lifetime(answer.headers, context.clock.now()))

    keys.load = load
    if keys.empty:
        try:
            await keys.refresh()
        except OSError as error:
            context.log.warning("A key manager starts without keys", place=place, error=str(error))
    context.spawn(keys.keep_fresh(refresh, context.log), f"keys of {place}")
    return keys
