"""Keys at a URL are kept by all snapshots that want the same, and fetched the way of the newest that holds."""

from __future__ import annotations

import asyncio
import json

import pytest
from apim_keymanagers.published_keys import keep_keys
from apim_sdk.testing import FakeContext, FakeFetched
from support.tokens import public

PLACE = "https://idp.example/jwks"


def answer(*names: str) -> FakeFetched:
    return FakeFetched(200, {}, json.dumps({"keys": [public(name) for name in names]}).encode())


def test_a_configuration_that_is_refused_leaves_the_keys_to_the_one_before() -> None:
    async def refuse() -> None:
        fetches = {PLACE: answer("a")}
        context, refused = FakeContext(fetches=fetches), FakeContext()
        refused._shared = context._shared
        old = await keep_keys(context, "owner", PLACE, 600)
        new = await keep_keys(refused, "owner", PLACE, 600)
        assert old.keys is new.keys
        fetches[PLACE] = answer("a", "b")

        with pytest.raises(OSError, match="no answer"):
            await old.keys.refresh()
        new.leave()
        await old.keys.refresh()

        known = [old.keys.keys(name) for name in ("a", "b")]
        assert [("a",), ("b",)] == [tuple(key["kid"] for key in keys) for keys in known if isinstance(keys, tuple)]
        old.leave()
        with pytest.raises(OSError, match="nobody keeps"):
            await old.keys.refresh()
        await context.close()
        refused._shared = {}
        await refused.close()

    asyncio.run(refuse())
