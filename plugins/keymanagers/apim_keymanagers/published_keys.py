"""Keep the keys that a server publishes at a URL that is known beforehand."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable

from apim_sdk import Context
from apim_sdk.upstream import UpstreamTLS

from apim_keymanagers.freshness import lifetime
from apim_keymanagers.keyset import Key, KeySet, Loaded, keys_of

__all__ = ["Kept", "keep_keys"]

Load = Callable[[], Awaitable[Loaded]]


class _Published:
    """Keys that several snapshots keep. They are fetched the way of the newest that has not left."""

    def __init__(self, keys: KeySet) -> None:
        self.keys = keys
        self.loads: list[Load] = []
        keys.load = lambda: self._newest()()

    def _newest(self) -> Load:
        if not self.loads:
            raise ConnectionError("the gateway has stopped: nobody keeps the keys any more")
        return self.loads[-1]


class Kept:
    """One snapshot's part in keeping them; it ends with ``leave``."""

    def __init__(self, published: _Published, load: Load) -> None:
        self.keys = published.keys
        self._loads = published.loads
        self._load = load
        self._loads.append(load)

    def leave(self) -> None:
        """Fetch no longer by this one: a configuration that was refused leaves the keys to the one before."""
        self._loads[:] = [each for each in self._loads if each is not self._load]


async def keep_keys(
    context: Context,
    owner: Hashable,
    place: str,
    refresh: float,
    *,
    tls: UpstreamTLS | None = None,
    usable: Callable[[Key], bool] = lambda key: True,
) -> Kept:
    """The keys at a URL, shared by all snapshots with an equal ``owner``, and fetched again every ``refresh`` seconds.

    The start does not wait for a server that is away. ``usable`` says which keys count.
    """
    published = await context.shared(("published keys", owner), lambda: _Published(KeySet(context.clock)))

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

    kept = Kept(published, load)
    try:
        if kept.keys.empty:
            await kept.keys.refresh()
    except OSError as error:
        context.log.warning("A key manager starts without keys", place=place, error=str(error))
    except BaseException:
        kept.leave()
        raise
    context.spawn(kept.keys.keep_fresh(refresh, context.log), f"keys of {place}")
    return kept
