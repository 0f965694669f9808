"""What a million subscriptions cost: `python -m bench.subscriptions [--subscriptions N] [--json]`.

Takes in applications, a key of each and their subscriptions as a store would tell them, change by change, through the
code that a worker runs, and prints the memory that they take, how long a look-up takes (one subscription of an
application among all of a plan, and one application by its key) and how long one more change takes. A small set is
measured beside the large one: neither look-up nor change may grow but by the memory's latency. Nanoseconds are the
least of several rounds, since other load only ever adds.
"""

import argparse
import gc
import json
import random
import time
import uuid
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import attrs
from apim_sdk.identity import SubscriptionState
from apim_sdk.stores import Change

from apim_core.access.digests import digest_of_key, short
from apim_core.access.directory import Directory
from apim_core.access.entries import ApplicationEntry, KeyEntry, SubscriptionEntry, packed, path
from apim_core.access.stored import Stored
from apim_core.access.subscriptions import PlanSubscriptions, StoredSubscription
from apim_core.config.collecting import collection_paused
from bench.cpu import PROC
from bench.memory import parse_status

BUDGET_BYTES = 600 * 2**20
BUDGET_NANOSECONDS = 1000
APIS = 1000
PLANS = 5
EACH = 10
"""Subscriptions of one application."""
ROUNDS = 5
ASKED = 20_000
FEW = 200
"""Of those who are asked for, the ones that call again and again: what they need is in the processor's cache. Of all
of them it is not, and then the memory's latency is most of the time, as it is for any dictionary of that size."""


@attrs.frozen
class Size:
    """What a number of subscriptions cost."""

    subscriptions: int
    applications: int
    mebibytes: float
    peak_mebibytes: float
    load_seconds: float
    find_subscription_ns: float
    find_subscription_cold_ns: float
    find_application_ns: float
    find_application_cold_ns: float
    change_ns: float


def changes(applications: int, seed: int) -> Iterator[Change]:
    """What a store tells of so many applications; the same for the same seed."""
    chance = random.Random(seed)
    for number in range(applications):
        application = str(uuid.UUID(int=chance.getrandbits(128), version=4))
        written = ApplicationEntry(f"application {number}", owner=f"owner {number % 1000}")
        yield Change(path("application", application), packed(written))
        digest = digest_of_key("api-key", f"key {number}")
        yield Change(path("key", short(digest)), packed(KeyEntry(application, "api-key", digest)))
        for api in chance.sample(range(APIS), EACH):
            entry = SubscriptionEntry(application, f"api {api}", f"plan {chance.randrange(PLANS)}")
            id_ = str(uuid.UUID(int=chance.getrandbits(128), version=4))
            yield Change(path("subscription", id_), packed(entry))


def measure(subscriptions: int) -> Size:
    """Take them in, look them up, change them."""
    applications = subscriptions // EACH
    stored, directory = Stored(), Directory()
    for api in range(APIS):
        for plan in range(PLANS):
            directory.plan(f"api {api}", "1.0", f"plan {plan}")
    directory.bind(stored)
    gc.collect()
    before = resident()
    with collection_paused():  # as while a gateway starts
        loaded = load(stored, changes(applications, seed=1))
    gc.collect()
    memory = resident() - before
    chance = random.Random(2)
    held = chance.choices([*stored.subscriptions._by_id.values()], k=ASKED)
    asked = [(directory.plan(each.api, "1.0", each.plan), each.application) for each in held]
    assert all(plan.find(application) in held for plan, application in asked[:100])
    keys = [f"key {chance.randrange(applications)}" for _ in range(ASKED)]
    touched = [change for each in held for change in (as_state(each, "blocked"), as_state(each, "active"))]
    return Size(
        len(stored.subscriptions),
        applications,
        memory / 2**20,
        peak() / 2**20,
        loaded,
        find_subscriptions(asked[:FEW]),
        find_subscriptions(asked),
        find_applications(directory, keys[:FEW]),
        find_applications(directory, keys),
        least(lambda: [stored.apply(change) for change in touched]) / len(touched),
    )


def load(stored: Stored, told: Iterator[Change]) -> float:
    """Take changes in; the seconds of CPU that it takes, without those to make the changes."""
    taken = 0.0
    while batch := list(islice(told, 1000)):
        started = time.process_time()
        for change in batch:
            stored.apply(change)
        taken += time.process_time() - started
    return taken


def find_subscriptions(asked: list[tuple[PlanSubscriptions, str]]) -> float:
    """Nanoseconds of one look-up."""
    return least(lambda: [plan.find(application) for plan, application in asked]) / len(asked)


def find_applications(directory: Directory, keys: list[str]) -> float:
    """Nanoseconds of one look-up."""
    return least(lambda: [directory.find("api-key", key) for key in keys]) / len(keys)


def as_state(held: StoredSubscription, state: SubscriptionState) -> Change:
    """What a store tells when a subscription gets another state."""
    return Change(
        path("subscription", held.id), packed(SubscriptionEntry(held.application, held.api, held.plan, state=state))
    )


def least(work: Callable[[], Any]) -> float:
    """Nanoseconds of the quickest round."""
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter_ns()
        work()
        times.append(time.perf_counter_ns() - started)
    return min(times)


def resident() -> int:
    return parse_status((PROC / "self" / "status").read_text()).resident


def peak() -> int:
    return parse_status((PROC / "self" / "status").read_text()).peak


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.subscriptions", description=__doc__)
    parser.add_argument("--subscriptions", type=int, default=1_000_000, help="of the large set (default 1,000,000)")
    parser.add_argument("--json", action="store_true", help="write the figures as JSON")
    given = parser.parse_args()
    sizes = [measure(count) for count in sorted({1000, given.subscriptions})]
    if given.json:
        print(json.dumps([attrs.asdict(size) for size in sizes], indent=2))
        return 0
    for size in sizes:
        print(f"{size.subscriptions:,} subscriptions of {size.applications:,} applications, a key each")
        print(f"  memory                  {size.mebibytes:8.1f} MiB (budget {BUDGET_BYTES // 2**20} for a million)")
        print(f"  memory of the process   {size.peak_mebibytes:8.1f} MiB at its peak")
        print(f"  taken in                {size.load_seconds:8.1f} s of CPU")
        print(f"  look-up, subscription   {size.find_subscription_ns:8.0f} ns (budget {BUDGET_NANOSECONDS})")
        print(f"    of 20,000 at random   {size.find_subscription_cold_ns:8.0f} ns")
        print(f"  look-up, application    {size.find_application_ns:8.0f} ns")
        print(f"    of 20,000 at random   {size.find_application_cold_ns:8.0f} ns")
        print(f"  one change              {size.change_ns:8.0f} ns")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
