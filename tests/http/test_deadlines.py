import asyncio

from apim_core.http.deadlines import Sweeper


class Member:
    def __init__(self, enough):
        self.times = []
        self.done = asyncio.Event()
        self._enough = enough

    def sweep(self, now):
        self.times.append(now)
        if len(self.times) == self._enough:
            self.done.set()


def test_members_are_swept_again_and_again_with_the_loop_time():
    async def main():
        loop = asyncio.get_running_loop()
        sweeper = Sweeper(every=0.001)
        one, other = Member(3), Member(3)
        started = loop.time()
        for member in (one, other, one):
            sweeper.add(member)
        await asyncio.gather(one.done.wait(), other.done.wait())
        assert started < one.times[0] <= loop.time()
        assert sorted(one.times) == one.times
        sweeper.discard(one)
        sweeper.discard(other)

    asyncio.run(main())


def test_a_sweeper_without_members_has_no_timer():
    async def main():
        sweeper = Sweeper(every=0.001)
        member = Member(1)
        sweeper.add(member)
        assert sweeper.active
        sweeper.discard(member)
        assert not sweeper.active

    asyncio.run(main())


def test_a_member_may_leave_while_it_is_swept():
    class Leaver(Member):
        def sweep(self, now):
            super().sweep(now)
            sweeper.discard(self)

    async def main():
        nonlocal sweeper
        sweeper = Sweeper(every=0.001)
        leaver, stayer = Leaver(1), Member(3)
        sweeper.add(leaver)
        sweeper.add(stayer)
        await stayer.done.wait()
        assert 1 == len(leaver.times)
        sweeper.discard(stayer)
        assert not sweeper.active

    sweeper = None
    asyncio.run(main())
