"""Files -> a checked configuration."""

import tracemalloc
from collections.abc import Callable
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import attrs
import pytest
from apim_sdk import Duration, Secret
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apim_core.config import ConfigErrors, Configuration, load
from apim_core.config.references import NO_FLOWS

Write = Callable[..., Path]
Messages = Callable[..., list[str]]


@attrs.frozen
class SetHeader:
    name: str


def find_plugin(name: str, kind: str) -> type:
    if name != "set-header":
        raise LookupError(f"there is no {kind} named {name!r}")
    return SetHeader


def test_the_shape_of_the_design_is_loaded(design: Configuration) -> None:
    (api,) = design.apis
    gold, public = api.plans

    assert ("127.0.0.1", 8080) == (design.listen[0].address.host, design.listen[0].address.port)
    assert ["main"] == list(design.key_managers)
    assert ("orders", "1.0", "/orders/1.0") == (api.name, api.version, api.context)
    assert ("jwt", "keyless") == (gold.authentication.name, public.authentication.name)
    assert [(1000, Duration("1m"))] == [(limit.requests, limit.per) for limit in gold.limits]
    assert ["rate-limit", "set-header"] == [step.plugin.name for step in api.flows.request]
    assert ("api-key", Secret("12345")) == (design.applications[0].keys[0].kind, design.applications[0].keys[0].value)


def test_a_condition_is_compiled_when_it_is_loaded(design: Configuration) -> None:
    condition = design.apis[0].flows.request[1].when

    assert condition is not None
    assert "request.method == 'POST'" == condition.source


def test_an_empty_file_is_a_gateway_without_apis(write: Write) -> None:
    configuration = load(write(gateway=""), {})

    assert (8080, (), NO_FLOWS) == (configuration.listen[0].address.port, configuration.apis, configuration.flows)


def test_the_environment_is_that_of_the_process_by_default(monkeypatch: pytest.MonkeyPatch, write: Write) -> None:
    monkeypatch.setenv("APIM_TEST_WORKERS", "3")

    assert 3 == load(write(gateway="workers: ${env:APIM_TEST_WORKERS}")).workers


def test_a_missing_file_is_a_problem_like_any_other(tmp_path: Path, messages: Messages) -> None:
    assert "cannot be read: No such file or directory" in messages(tmp_path / "gateway.yaml")[0]


def test_listeners_may_be_a_list_of_short_and_long_ones(tmp_path: Path, write: Write) -> None:
    path = write(
        gateway="""
        listen:
          - 127.0.0.1:8080
          - address: "[::1]:8443"
            proxy_protocol: true
            tls: {certificate: tls/a.pem, key: /etc/a.key, sni: [{hosts: [b.example], certificate: b.pem, key: b.key}]}
        trusted_proxies: [10.0.0.0/8]
        """,
    )
    configuration = load(path, {})
    tls = configuration.listen[1].tls

    assert (IPv4Network("10.0.0.0/8"),) == configuration.trusted_proxies
    assert [False, True] == [listener.proxy_protocol for listener in configuration.listen]
    assert tls is not None
    assert [tmp_path / "tls/a.pem", Path("/etc/a.key"), tmp_path / "b.key"] == [
        tls.certificate,
        tls.key,
        tls.sni[0].key,
    ]


def test_secrets_are_in_no_repr(design: Configuration) -> None:
    assert "12345" not in repr(design)


def test_a_value_of_the_environment_is_in_no_message(write: Write, messages: Messages) -> None:
    path = write(
        gateway="""
        workers: "${env:TOKEN}"
        log: {level: "${env:TOKEN}"}
        limits: {body: "${env:TOKEN}"}
        apis:
          - name: a
            context: /a
            hosts: [a.example, "b:${env:TOKEN}"]
            operations: [{match: "GET ${env:TOKEN}"}]
        trusted_proxies: ["${env:TOKEN}"]
        """,
    )
    said = messages(path, {"TOKEN": "s3cr3t"})

    assert 6 == len(said)
    assert [] == [message for message in said if "s3cr3t" in message]
    assert "gateway.yaml:2: expected a whole number, not the text '${env:TOKEN}'" == said[0]


def test_values_of_the_environment_fill_every_kind_of_field(write: Write) -> None:
    path = write(
        gateway="""
        listen: ${env:LISTEN}
        workers: ${env:N}
        log: {level: "${env:LEVEL}"}
        limits: {body: "${env:SIZE}"}
        trusted_proxies: ["${env:NET}"]
        sinks: [{jsonl: {path: "${env:LEVEL}.jsonl"}}]
        """,
    )
    environment = {"LISTEN": "[::1]:80", "N": "3", "LEVEL": "debug", "SIZE": "1KiB", "NET": "fd00::/8"}
    loaded = load(path, environment)

    assert ("[::1]:80", 3, "debug", 1024) == (
        str(loaded.listen[0].address),
        loaded.workers,
        loaded.log.level,
        loaded.limits.body,
    )
    assert {"path": "debug.jsonl"} == loaded.sinks[0].settings
    assert str is type(loaded.log.level)


def test_settings_of_plugins_are_judged_together_with_the_rest(write: Write) -> None:
    path = write(
        gateway="""
        worker: 2
        include: [more.yaml]
        flows:
          request:
            - set-header: {nmae: X}
            - set-header: {name: X}
        sinks: [{jsonl: {}}]
        apis:
          - name: a
            context: /a
            endpoint: {http: {}}
        """,
        more="apis: [{name: b, context: /b, flows: {response: [{set-header: {name: 1}, when: 'true'}]}}]",
    )
    with pytest.raises(ConfigErrors) as refusal:
        load(path, {}, find_plugin)

    assert [
        ("gateway.yaml", 2, "the key 'worker' is not known here"),
        ("gateway.yaml", 6, "the key 'nmae' is not known here"),
        ("gateway.yaml", 8, "there is no sink named 'jsonl'"),
        ("gateway.yaml", 12, "there is no endpoint named 'http'"),
        ("more.yaml", 1, "expected text, not the number 1"),
    ] == [(Path(problem.file).name, problem.line, problem.message) for problem in refusal.value.problems]


def test_settings_of_plugins_are_judged_together_with_definitions(write: Write) -> None:
    path = write(
        gateway="flows: {request: [{set-header: {}}]}\napis: [{name: a, context: /a, definition: nowhere.yaml}]",
    )
    with pytest.raises(ConfigErrors) as refusal:
        load(path, {}, find_plugin)

    assert ["/flows/request/0/set-header", "/apis/0/definition"] == [each.pointer for each in refusal.value.problems]


def test_an_operation_takes_less_than_four_kilobytes(write: Write) -> None:
    methods = ("GET /a", "GET /a/{id}", "POST /a", "PUT /a/{id}", "DELETE /a/{id}")
    operations = "".join(f"\n  - {{match: '{method}', scopes: [a.{n}]}}" for n, method in enumerate(methods))
    plans = "\n  plans: [{name: p, authentication: {keyless: {}}}]"
    apis = (f"\n- name: a{n}\n  context: /a{n}{plans}\n  operations:{operations}" for n in range(300))
    path = write(gateway=f"apis:{''.join(apis)}")
    load(path, {})  # what is made once is made

    tracemalloc.start()
    configuration = load(path, {})
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert 1500 == sum(len(api.operations) for api in configuration.apis)
    assert kept / 1500 < 4096


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 30), max_size=20), st.text("ab:-[]{}&*!'\"# \n${}<", max_size=20))
def test_any_text_is_loaded_or_refused_with_reasons(tmp_path: Path, shown: str, lines: list[int], noise: str) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text("\n".join([*(shown.splitlines()[line] for line in lines), noise]))
    try:
        outcome: Any = load(path, {"SHOP_KEY": "key"})
    except ConfigErrors as errors:
        outcome = errors.problems

    assert outcome
