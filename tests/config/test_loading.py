"""Files -> a checked configuration whose parts know where they were written."""

import os
from ipaddress import IPv4Network
from pathlib import Path
from textwrap import dedent
from typing import Any

import attrs
import pytest
from apim_sdk import Duration, Secret
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apim_core.config import ConfigErrors, Configuration, SourceRef, load
from apim_core.config.model import Match
from apim_core.config.references import NO_FLOWS

DESIGN = """
    listen: 127.0.0.1:8080
    key_managers:
      main: {oidc: {issuer: "https://idp.example", jwks: {file: jwks.json}}}
    sinks:
      - jsonl: {path: access.jsonl}
    flows:
      entry: [{request-size: {max: 1MiB}}]
    apis:
      - name: orders
        version: "1.0"
        context: /orders/1.0
        definition: orders.openapi.yaml
        endpoint: {http: {url: "http://127.0.0.1:9000"}}
        plans:
          - name: gold
            authentication: {jwt: {key_manager: main, audience: [orders], client_id_claim: azp}}
            limits: [{requests: 1000, per: 1m}]
          - name: public
            authentication: {keyless: {}}
        flows:
          request:
            - rate-limit: {requests: 100, per: 1s, key: application}
            - set-header: {name: X-Gateway, value: apim}
              when: request.method == 'POST'
          response: [{remove-header: {name: Server}}]
        operations:
          - match: GET /orders/{id}
            scopes: [orders.read]
            flows: {request: [{rewrite: {path: "/v2/orders/{{ path.id }}"}}]}
    applications:
      - name: shop
        keys: [{api-key: "${env:SHOP_KEY}"}, {client_id: shop-web}]
        subscriptions: [{api: orders, plan: gold}]
    """

DEFINITION = """
    openapi: 3.1.0
    info: {title: Orders, version: "1.0"}
    paths:
      /orders:
        get: {operationId: listOrders, responses: {}}
        post: {operationId: createOrder, responses: {}, security: [{oauth: [orders.write]}]}
      /orders/{order}:
        get: {operationId: readOrder, responses: {}, security: [{oauth: [orders.own]}]}
        delete: {operationId: deleteOrder, responses: {}, security: [{oauth: [orders.write]}]}
    components:
      securitySchemes:
        oauth: {type: oauth2, flows: {}}
    """


def write(folder: Path, **files: str) -> Path:
    """Write files, with ``__`` in a name for a slash, and give the path of the first."""
    paths = []
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/')}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))
        paths.append(path)
    return paths[0]


def messages(path: Path, environment: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigErrors) as refusal:
        load(path, environment or {})
    return [f"{os.path.relpath(p.file, path.parent)}:{p.line}: {p.message}" for p in refusal.value.problems]


@pytest.fixture
def design(tmp_path: Path) -> Configuration:
    path = write(tmp_path, gateway=DESIGN)
    (tmp_path / "orders.openapi.yaml").write_text(dedent(DEFINITION))
    return load(path, {"SHOP_KEY": "12345"})


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


def test_a_definition_brings_operations_and_the_listed_ones_win(design: Configuration) -> None:
    operations = {
        str(each.match): (each.name, each.scopes, len(each.flows.request)) for each in design.apis[0].operations
    }

    assert {
        "GET /orders": ("listOrders", (), 0),
        "POST /orders": ("createOrder", ("orders.write",), 0),
        "GET /orders/{id}": ("readOrder", ("orders.read",), 1),
        "DELETE /orders/{order}": ("deleteOrder", ("orders.write",), 0),
    } == operations


def test_every_part_knows_its_line(design: Configuration) -> None:
    (api,) = design.apis
    parts: list[Any] = [
        api,
        api.endpoint,
        api.plans[1],
        api.plans[1].authentication,
        api.flows.request[1],
        design.sinks[0],
    ]
    parts += [
        api.operations[2],
        api.operations[2].flows.request[0],
        design.applications[0],
        design.key_managers["main"],
    ]
    parts += [design.applications[0].subscriptions[0], design.flows.entry[0], design.listen[0], design.management]

    assert [10, 14, 19, 20, 24, 6, 28, 30, 32, 4, 34, 8, 2, 2] == [design.locate(part.source).line for part in parts]


def test_a_step_is_located_at_its_plugin(design: Configuration) -> None:
    location = design.locate(design.apis[0].flows.request[1].source)

    assert ("gateway.yaml", 24, 11) == (Path(location.file).name, location.line, location.column)


def test_an_operation_of_a_definition_is_located_in_it(design: Configuration) -> None:
    location = design.locate(design.apis[0].operations[1].source)

    assert ("orders.openapi.yaml", 7, 5) == (Path(location.file).name, location.line, location.column)


def test_a_file_that_is_gone_has_no_lines(design: Configuration, tmp_path: Path) -> None:
    (tmp_path / "gateway.yaml").unlink()

    assert design.locate(design.apis[0].source).line is None


def test_an_operation_that_names_no_scopes_keeps_those_of_its_definition(tmp_path: Path) -> None:
    path = write(tmp_path, gateway=DESIGN.replace("scopes: [orders.read]", "name: mine"))
    (tmp_path / "orders.openapi.yaml").write_text(dedent(DEFINITION))
    (api,) = load(path, {"SHOP_KEY": ""}).apis

    assert ("mine", ("orders.own",)) == (api.operations[2].name, api.operations[2].scopes)


def test_a_listed_operation_of_any_method_stands_beside_those_of_the_definition(tmp_path: Path) -> None:
    path = write(tmp_path, gateway=DESIGN.replace("match: GET /orders/{id}", "match: '* /orders/{id}'"))
    (tmp_path / "orders.openapi.yaml").write_text(dedent(DEFINITION))
    (api,) = load(path, {"SHOP_KEY": ""}).apis

    assert Match("*", "/orders/{id}") == api.operations[-1].match
    assert 5 == len(api.operations)


def test_an_empty_file_is_a_gateway_without_apis(tmp_path: Path) -> None:
    configuration = load(write(tmp_path, gateway=""), {})

    assert (8080, (), NO_FLOWS) == (configuration.listen[0].address.port, configuration.apis, configuration.flows)


def test_the_environment_is_that_of_the_process_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APIM_TEST_WORKERS", "3")

    assert 3 == load(write(tmp_path, gateway="workers: ${env:APIM_TEST_WORKERS}")).workers


def test_a_missing_file_is_a_problem_like_any_other(tmp_path: Path) -> None:
    assert "cannot be read: No such file or directory" in messages(tmp_path / "gateway.yaml")[0]


def test_listeners_may_be_a_list_of_short_and_long_ones(tmp_path: Path) -> None:
    path = write(
        tmp_path,
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


def test_included_files_add_to_lists_and_merge_into_mappings(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        gateway="""
        include: [apis, "more/*.yaml", single.yaml]
        apis: [{name: first, context: /first}]
        flows: {request: [{one: {}}]}
        """,
        apis__b="apis: [{name: b, context: /b}]",
        apis__a="apis: [{name: a, context: /a}]",
        more__c="apis: [{name: c, context: /c}]\nflows: {request: [{two: {}}], response: [{three: {}}]}",
        single="apis: [{name: d, context: /d}]\nlog: {level: debug}",
    )
    configuration = load(path, {})

    assert ["first", "a", "b", "c", "d"] == [api.name for api in configuration.apis]
    assert ["one", "two"] == [step.plugin.name for step in configuration.flows.request]
    assert ["three"] == [step.plugin.name for step in configuration.flows.response]
    assert "debug" == configuration.log.level


def test_what_was_included_is_located_in_its_own_file(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        gateway="include: [apis]\nflows: {request: [{one: {}}]}\napis:\n  - {name: first, context: /first}",
        apis__a="flows:\n  request:\n    - two: {}\napis:\n  - name: a\n    context: /a",
    )
    configuration = load(path, {})
    inside = str(tmp_path / "apis" / "a.yaml")

    assert SourceRef(inside, "/flows/request/0/two") == configuration.flows.request[1].source
    assert SourceRef(inside, "/apis/0") == configuration.apis[1].source
    assert 5 == configuration.locate(configuration.apis[1].source).line


def test_paths_in_an_included_file_are_relative_to_it(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        gateway="include: [apis]",
        apis__a="include: [../more/b.yaml]",
        more__b="apis: [{name: b, context: /b, definition: definitions/b.yaml}]",
        more__definitions__b=DEFINITION,
    )
    (api,) = load(path, {}).apis

    assert tmp_path / "more/definitions/b.yaml" == api.definition
    assert 4 == len(api.operations)


def test_files_that_agree_on_a_value_do_not_conflict(tmp_path: Path) -> None:
    path = write(tmp_path, gateway="include: [b.yaml]\nworkers: 2", b="workers: 2")

    assert 2 == load(path, {}).workers


def test_a_file_is_read_once_however_folders_and_patterns_overlap(tmp_path: Path) -> None:
    path = write(
        tmp_path, gateway='include: [".", "*.yaml", "**/*.yaml"]\nworkers: 2', b="apis: [{name: b, context: /b}]"
    )
    (tmp_path / ".hidden.yaml").write_text("workers: 5")

    assert ["b"] == [api.name for api in load(path, {}).apis]


def test_an_alias_that_two_files_share_in_one_is_not_changed_by_merging(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        gateway="include: [b.yaml]\nflows:\n  request: &steps [{one: {}}]\n  response: *steps",
        b="flows: {request: [{two: {}}]}",
    )
    flows = load(path, {}).flows

    assert (["one", "two"], ["one"]) == tuple([step.plugin.name for step in f] for f in (flows.request, flows.response))


def test_problems_of_all_files_come_together(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        gateway="include: [a.yaml, b.yaml, c.yaml]\nworkers: x",
        a="apis: [",
        b="log: {level: loud}",
        c="apis: [{name: c, context: /c, conext: /d}]",
    )

    assert ["gateway.yaml:2", "a.yaml:2", "b.yaml:1", "c.yaml:1"] == [said.split(": ")[0] for said in messages(path)]


def test_one_definition_may_serve_several_apis(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        gateway="apis:\n- {name: a, context: /a, definition: d.yaml}\n- {name: b, context: /b, definition: d.yaml}",
        d="openapi: 3.0.0\npaths: {orders: {}}",
    )

    assert ["d.yaml:2: the path 'orders' does not begin with '/'"] == messages(path)


def test_secrets_are_in_no_repr(design: Configuration) -> None:
    assert "12345" not in repr(design)


def test_a_value_of_the_environment_is_in_no_message(tmp_path: Path) -> None:
    path = write(
        tmp_path,
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


def test_values_of_the_environment_fill_every_kind_of_field(tmp_path: Path) -> None:
    path = write(
        tmp_path,
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


@attrs.frozen
class SetHeader:
    name: str


def find_plugin(name: str, kind: str) -> type:
    if name != "set-header":
        raise LookupError(f"there is no {kind} named {name!r}")
    return SetHeader


def test_settings_of_plugins_are_judged_together_with_the_rest(tmp_path: Path) -> None:
    path = write(
        tmp_path,
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


def test_settings_of_plugins_are_judged_together_with_definitions(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        gateway="flows: {request: [{set-header: {}}]}\napis: [{name: a, context: /a, definition: nowhere.yaml}]",
    )
    with pytest.raises(ConfigErrors) as refusal:
        load(path, {}, find_plugin)

    assert ["/flows/request/0/set-header", "/apis/0/definition"] == [each.pointer for each in refusal.value.problems]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(DESIGN.splitlines()), max_size=20), st.text("ab:-[]{}&*!'\"# \n${}<", max_size=20))
def test_any_text_is_loaded_or_refused_with_reasons(tmp_path: Path, lines: list[str], noise: str) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text("\n".join([*lines, noise]))
    try:
        outcome: Any = load(path, {"SHOP_KEY": "key"})
    except ConfigErrors as errors:
        outcome = errors.problems

    assert outcome
