"""Use a plugin the way the gateway uses one of its kind, and hold it to what its kind promises."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import attrs

from apim_sdk.authenticator import Authenticator
from apim_sdk.counters import CounterStore
from apim_sdk.counting import ALGORITHMS, Limit
from apim_sdk.endpoint import Endpoint
from apim_sdk.errors import ENDPOINT_TIMEOUT, EvaluationError, Fault
from apim_sdk.exchange import Exchange
from apim_sdk.governance import (
    GovernedDocument,
    Governor,
    JSONPath,
    Judgement,
    RulesetFunction,
    ShippedRuleset,
    Violation,
)
from apim_sdk.identity import Credential, Principal
from apim_sdk.importer import Importer
from apim_sdk.key_manager import KeyManager
from apim_sdk.messages import Response
from apim_sdk.plugin import Plugin
from apim_sdk.policy import Policy, flows_of
from apim_sdk.record import Record
from apim_sdk.secrets import SecretProvider
from apim_sdk.sink import Sink
from apim_sdk.stores import Store
from apim_sdk.streams import Message
from apim_sdk.testing.calling import run
from apim_sdk.testing.conformance.subject import Subject, require
from apim_sdk.testing.conformance.traffic import ANSWERS, MESSAGES, REQUESTS, Sample
from apim_sdk.testing.context import FakeContext, started
from apim_sdk.testing.delivering import deliver
from apim_sdk.testing.endpoint import FakeEndpoint

__all__ = ["CHECKS", "exercise"]


def its_example_answers(subject: Subject) -> None:
    asyncio.run(exercise(subject, subject.context()))


CHECKS = (its_example_answers,)


async def exercise(subject: Subject, context: FakeContext) -> list[Fault]:
    """Build, start, use and stop the plugin; the faults that it answered with. Raises Nonconformity."""
    faults: list[Fault] = []
    plugin = subject.build()
    use = next((use for kind, use in _USES.items() if isinstance(plugin, kind)), None)
    require(use is not None, f"{subject} is a plugin of a kind that the conformance suite does not know")
    assert use is not None, "required above"
    async with started(plugin, context):
        await use(plugin, faults)
    return faults


async def _policy(policy: Policy, faults: list[Fault]) -> None:
    if policy.header_edits:
        _edits(policy)
    for flow in flows_of(type(policy)):
        for sample in REQUESTS:
            for answer in ANSWERS:
                try:
                    outcome = await run(policy, sample.exchange(), flow=flow, endpoint=FakeEndpoint(answer))
                except EvaluationError:
                    continue  # an expression of the example does not fit this request: a 500 that is the operator's
                if outcome.fault is not None:
                    faults.append(outcome.fault)
                elif flow in ("entry", "request") and policy.sees_messages:
                    faults += await _messages(policy, outcome.exchange)


def _edits(policy: Policy) -> None:
    """The methods of a policy must do what it says of itself."""
    for sample in REQUESTS:
        exchange = sample.exchange()
        expected = exchange.request.headers.copy()
        expected.edit(policy.header_edits)
        for method in ("on_request", "on_response", "on_fault"):
            if not hasattr(policy, method):
                continue
            headers = sample.exchange().request.headers
            used = sample.exchange()
            used.request.headers = headers
            used.response = Response(200, headers)
            getattr(policy, method)(used)
            require(headers == expected, f"{method}() must change headers as header_edits says, and in no other way")


async def _messages(policy: Policy, exchange: Exchange) -> list[Fault]:
    """Send a message of every kind, and in every direction, past a policy; how it refused them."""
    refusals: list[Fault] = []
    for direction, kind, data in MESSAGES:
        delivery = await deliver(policy, exchange, Message(direction, kind, data))
        if delivery.refusal is not None:
            refusals.append(delivery.refusal)
    return refusals


async def _authenticator(authenticator: Authenticator, faults: list[Fault]) -> None:
    for sample in (Sample("GET /"), *REQUESTS):
        exchange = sample.exchange()
        credential = authenticator.find(exchange)
        if credential is None:
            continue
        require(isinstance(credential, Credential), f"find() must answer a Credential or None, not {credential!r}")
        if sample.line == "GET /":
            require(
                not credential.value.reveal(),
                "find() must answer None for a request that carries no credential, or one whose value is empty",
            )
        try:
            principal = await _result(authenticator.judge(credential, exchange))
        except Fault as fault:
            faults.append(fault)
        else:
            require(isinstance(principal, Principal), f"judge() must answer a Principal, not {principal!r}")
        authenticator.conceal(exchange)


async def _endpoint(endpoint: Endpoint, faults: list[Fault]) -> None:
    for number, sample in enumerate(REQUESTS):
        try:
            response = await endpoint.send(sample.exchange())
        except Fault as fault:
            require(number > 0, f"send() must answer the plainest request, it failed: {fault.kind.key} {fault}")
            faults.append(fault)
            continue
        require(isinstance(response, Response), f"send() must answer a Response, not {response!r}")
        require(100 <= response.status <= 599, f"send() answered with the status {response.status}")
        await response.body.read()


async def _sink(sink: Sink, faults: list[Fault]) -> None:
    records = []
    for sample in REQUESTS:
        exchange = sample.exchange()
        records.append(Record(exchange, 200, timestamp=1_700_000_000.25))
        exchange.fault = Fault(ENDPOINT_TIMEOUT, detail='a "detail"\nof two lines')
        records.append(Record(exchange, 504, timestamp=1_700_000_000.5))
    await sink.write(records)
    await sink.write(records[:1])
    await sink.write([])


async def _key_manager(manager: KeyManager, faults: list[Fault]) -> None:
    require(manager.issuer is None or isinstance(manager.issuer, str), "issuer must be text or None")
    require(isinstance(manager.generation, int), "generation must be a number")
    for key_id in (None, "no-such-key"):
        try:
            keys = await _result(manager.keys(key_id))
        except OSError:
            continue  # there is no authorization server here
        require(
            isinstance(keys, tuple) and all(isinstance(key, Mapping) for key in keys),
            f"keys({key_id!r}) must answer a tuple of JSON Web Keys",
        )


async def _counter_store(store: CounterStore, faults: list[Fault]) -> None:
    try:
        await _count(store)
    except OSError:
        if store.shared_by != "network":
            raise  # there is no server here, but a store without one has to work


async def _count(store: CounterStore) -> None:
    for algorithm in ALGORITHMS:
        counter = store.counter(f"conformance {algorithm}", Limit(2, 3600.0, algorithm))
        granted = [(await counter.grant("key", 1, 1)).units for _ in range(3)]
        require(granted == [1, 1, 0], f"of three calls in a moment, {algorithm} of two an hour must let two pass")
        await counter.settle("key", -1)
        require((await counter.grant("key", 1, 5)).units == 1, "what settle() gives back must be there to be taken")
        await counter.reset("key")
        require((await counter.grant("key", 1, 5)).units == 2, "a key that was reset must be as good as new")
    require(await store.members() >= 1, "members() must count this process")


async def _store(store: Store, faults: list[Fault]) -> None:
    try:
        await _keep_and_forget(store)
    except OSError:
        if store.shared_by != "network":
            raise  # there is no server here, but a store without one has to work


async def _keep_and_forget(store: Store) -> None:
    before = await store.get("conformance")
    await store.put("conformance", b"\x00value", expires_in=3600)
    kept = await store.get("conformance")
    await store.delete("conformance")
    await store.delete("conformance")
    require(
        (before, kept, await store.get("conformance")) == (None, b"\x00value", None),
        "get() must answer None before put(), the value after it, and None after delete()",
    )
    added = await store.add("conformance", b"1"), await store.add("conformance", b"2")
    require(added == (True, False), "of two add() of the same key, the first must answer True and the second False")
    replaced = await store.replace("conformance", b"2", b"3"), await store.replace("conformance", b"1", b"3")
    require(replaced == (False, True), "replace() must answer True where the old value is there, and False elsewhere")
    scanned = [pair async for pair in store.scan("conform")]
    require(scanned == [("conformance", b"3")], "scan() must answer what begins with the prefix")
    taken = await store.take("conformance"), await store.take("conformance")
    require(taken == (b"3", None), "take() must answer the value once")


async def _secret_provider(provider: SecretProvider, faults: list[Fault]) -> None:
    try:
        await provider.read("no/such/secret")
    except KeyError:
        return
    require(False, "read() must raise KeyError for a secret that does not exist")


@attrs.frozen
class _RuleContext:
    """What a function may look at, of an empty document."""

    path: JSONPath = ("paths", 0)
    rule: str = "conformance"
    document: Any = attrs.field(factory=dict)
    resolved: Any = attrs.field(factory=dict)
    formats: frozenset[str] = frozenset()
    follows_references: bool = True


async def _ruleset_function(function: RulesetFunction, faults: list[Fault]) -> None:
    for target in (None, True, 7, "", "text", [], [1], {}, {"a": {"b": None}}):
        wrong = list(function.check(target, _RuleContext()))
        require(all(isinstance(each, str | Violation) for each in wrong), "check() must answer sentences or Violations")


async def _governor(governor: Governor, faults: list[Fault]) -> None:
    text = "name: orders\nversion: '1.0'\ncontext: /orders/1.0\nplans: []\n"
    judgements = list(governor.judge([GovernedDocument("orders", "1.0", text, "orders.yaml")]))
    require(all(isinstance(each, Judgement) for each in judgements), "judge() must answer Judgements")
    require(all(each.line > 0 and each.column > 0 for each in judgements), "lines and columns count from 1")
    listed = [(each.method, each.path) for each in governor.resources()]
    require(len(set(listed)) == len(listed), "resources() must not have a method of a path twice")


async def _ruleset(ruleset: ShippedRuleset, faults: list[Fault]) -> None:
    require("rules" in ruleset.definition() or "extends" in ruleset.definition(), "definition() must have rules")
    require(
        all(issubclass(function, RulesetFunction) for function in ruleset.functions().values()),
        "functions() must answer subclasses of RulesetFunction",
    )


async def _importer(importer: Importer, faults: list[Fault]) -> None:
    try:
        importer.read(Path("no-such-file"))
    except (ValueError, OSError):
        return
    require(False, "read() must raise ValueError or OSError for a file that does not exist")


_USES: Mapping[type[Plugin], Callable[[Any, list[Fault]], Awaitable[None]]] = {
    Policy: _policy,
    Authenticator: _authenticator,
    Endpoint: _endpoint,
    Sink: _sink,
    KeyManager: _key_manager,
    CounterStore: _counter_store,
    Store: _store,
    SecretProvider: _secret_provider,
    RulesetFunction: _ruleset_function,
    ShippedRuleset: _ruleset,
    Governor: _governor,
    Importer: _importer,
}


async def _result(value: Any) -> Any:
    return await value if inspect.isawaitable(value) else value
