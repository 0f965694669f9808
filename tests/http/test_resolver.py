import asyncio
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apim_core.http.resolver import Resolver, system_lookup

ONE, TWO, THREE = ((socket.AF_INET, (f"192.0.2.{last}", 80)) for last in (1, 2, 3))


class Names:
    """A name service that a test controls."""

    def __init__(self, *found):
        self.found = found
        self.asked = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, host, port):
        self.asked += 1
        await self.gate.wait()
        if not self.found or isinstance(self.found[0], OSError):
            raise self.found[0] if self.found else OSError("no such name")
        return self.found


def test_each_call_begins_with_the_next_address():
    async def main():
        resolver = Resolver("backend", 80, 60, Names(ONE, TWO, THREE))
        assert [(ONE, TWO, THREE), (TWO, THREE, ONE), (THREE, ONE, TWO), (ONE, TWO, THREE)] == [
            await resolver.addresses() for _ in range(4)
        ]

    asyncio.run(main())


def test_addresses_are_kept_until_they_are_old():
    async def main():
        names = Names(ONE)
        resolver = Resolver("backend", 80, 60, names)
        for _ in range(5):
            await resolver.addresses()
        assert 1 == names.asked

    asyncio.run(main())


def test_old_addresses_are_used_while_new_ones_are_looked_up():
    async def main():
        names = Names(ONE)
        resolver = Resolver("backend", 80, 0, names)
        await resolver.addresses()
        names.found = (TWO,)
        names.gate.clear()
        assert (ONE,) == await resolver.addresses()
        await asyncio.sleep(0)
        assert (2, (ONE,)) == (names.asked, await resolver.addresses())
        names.gate.set()
        while resolver.busy:
            await asyncio.sleep(0)
        assert (TWO,) == await resolver.addresses()
        await resolver.stop()

    asyncio.run(main())


@pytest.mark.parametrize("found", [(OSError("server failure"),), ()])
def test_the_last_good_addresses_survive_a_failure(found):
    async def main():
        names = Names(ONE)
        resolver = Resolver("backend", 80, 0, names)
        await resolver.addresses()
        names.found = found
        for _ in range(3):
            assert (ONE,) == await resolver.addresses()
            while resolver.busy:
                await asyncio.sleep(0)
        assert 3 == resolver.failures

    asyncio.run(main())


def test_a_name_that_was_never_found_is_an_error_and_is_tried_again():
    async def main():
        names = Names()
        resolver = Resolver("backend", 80, 60, names)
        for _ in range(2):
            with pytest.raises(OSError, match="no such name"):
                await resolver.addresses()
        names.found = (ONE,)
        assert (ONE,) == await resolver.addresses()

    asyncio.run(main())


def test_all_who_wait_share_one_look_up():
    async def main():
        names = Names(ONE)
        names.gate.clear()
        resolver = Resolver("backend", 80, 60, names)
        asking = [asyncio.create_task(resolver.addresses()) for _ in range(5)]
        await asyncio.sleep(0)
        asking[0].cancel()
        names.gate.set()
        assert [(ONE,)] * 4 == await asyncio.gather(*asking[1:])
        assert 1 == names.asked

    asyncio.run(main())


def test_stopping_ends_a_look_up():
    async def main():
        names = Names(ONE)
        names.gate.clear()
        resolver = Resolver("backend", 80, 60, names)
        asking = asyncio.create_task(resolver.addresses())
        await asyncio.sleep(0)
        await resolver.stop()
        with pytest.raises(OSError, match="given up"):
            await asking
        assert not resolver.busy

    asyncio.run(main())


def test_the_system_knows_addresses():
    assert (socket.AF_INET, ("127.0.0.1", 80)) in asyncio.run(system_lookup("127.0.0.1", 80))


@given(st.lists(st.sampled_from([ONE, TWO, THREE]), min_size=1, max_size=5, unique=True), st.integers(1, 12))
def test_every_address_is_always_there_once(addresses, times):
    async def main():
        resolver = Resolver("backend", 80, 60, Names(*addresses))
        for _ in range(times):
            assert sorted(addresses) == sorted(await resolver.addresses())

    asyncio.run(main())
