"""``apim explain``: what would become of a request, and which line of the file says so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from apim_core.cli import main

Explain = Callable[..., tuple[int, list[str]]]

TEXT = """\
limit_policy: rate-limit
flows:
  entry: [{request-size: {max: 1MiB}}]
apis:
  - name: shop
    version: "2"
    context: /shop
    endpoint: {mock: {}}
    plans:
      - name: public
        authentication: {keyless: {}}
      - name: keys
        authentication: {api-key: {header: X-API-Key}}
        limits: [{requests: 5, per: 1m}]
      - name: gold
        authentication: {api-key: {header: X-Gold}}
        when: request.query['tier'] == 'gold'
    flows:
      request:
        - set-header: {name: X-A, value: a}
          when: request.method == 'GET'
          name: mark
      response: [{remove-header: {name: Server}}]
    operations:
      - match: GET /items/{id}
        scopes: [read, own]
      - match: PUT /items/{id}
      - match: GET /open
        authentication: none
  - name: docs
    context: /docs
    hosts: [docs.example]
    endpoint: {mock: {}}
    operations: [{match: GET /}]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "apim.yaml"
    path.write_text(TEXT)
    return path


@pytest.fixture
def explain(file: Path, capsys: pytest.CaptureFixture[str]) -> Explain:
    """Explain a request; gives the exit status and the lines, with the file called FILE."""

    def explain(method: str, url: str, *options: str) -> tuple[int, list[str]]:
        status = main(["explain", str(file), method, url, *options])
        written = capsys.readouterr()
        return status, (written.out + written.err).replace(str(file), "FILE").splitlines()

    return explain


def test_a_request_is_explained_from_match_to_fault_flow_each_step_with_its_line(explain: Explain) -> None:
    status, lines = explain("GET", "/shop/items/5", "-H", "X-API-Key: k")
    assert 0 == status
    assert [
        "GET /shop/items/5 on host localhost",
        "API shop 2, context /shop",
        "operation GET /items/{id}  FILE:25:9",
        "  path.id = '5'",
        "-> plan keys: its credential is there, subscription required",
        "   plan gold: its condition does not hold, subscription required",
        "   plan public: it takes only who presents nothing",
        "needs one of the scopes: read, own",
        "ENTRY flow",
        "  request-size  FILE:3:12",
        "REQUEST flow",
        "  rate-limit  FILE:14:18",
        "  mark  FILE:20:11  when request.method == 'GET'",
        "endpoint, path /items/5 unless a policy changes it",
        "RESPONSE flow",
        "  remove-header  FILE:23:19",
    ] == lines[: lines.index("nearly matched:")]


def test_the_plan_is_the_first_whose_credential_is_there(explain: Explain) -> None:
    lines = explain("GET", "/shop/items/5")[1]
    assert "-> plan public: it lets everybody in" in lines
    assert "   plan keys: the request carries no such credential, subscription required" in lines


def test_who_presents_some_of_the_credentials_of_a_plan_is_not_let_in_without(explain: Explain, file: Path) -> None:
    both = "{all: [{basic: {file: users}}, {api-key: {header: X-API-Key}}]}"
    (file.parent / "users").write_text("")
    file.write_text(TEXT.replace("{api-key: {header: X-API-Key}}", both))
    lines = explain("GET", "/shop/items/5", "-H", "X-API-Key: k")[1]
    assert "   plan keys: of its credentials some are missing, subscription required" in lines
    assert "   plan public: it takes only who presents nothing" in lines
    assert "401: no plan finds its credential" in lines


def test_the_condition_of_a_plan_is_looked_at(explain: Explain) -> None:
    lines = explain("GET", "/shop/items/5?tier=gold", "-H", "X-Gold: k")[1]
    assert "-> plan gold: its credential is there, subscription required" in lines


def test_the_condition_of_messages_is_told(file: Path, explain: Explain) -> None:
    step = """\
        - rate-limit: {requests: 5, per: 1s, key: api, unit: events}
          when_message: message.size > 9
"""
    file.write_text(TEXT.replace("      request:\n", f"      request:\n{step}"))

    line = next(line for line in explain("GET", "/shop/open")[1] if line.startswith("  rate-limit"))
    assert line.endswith("  when_message message.size > 9")


def test_a_flow_of_another_plan_is_not_in_the_chain(explain: Explain) -> None:
    assert "  rate-limit  FILE:14:18" not in explain("GET", "/shop/items/5")[1]


def test_without_a_plan_that_would_do_it_is_a_401(explain: Explain) -> None:
    status, lines = explain("GET", "http://docs.example/docs/")
    assert (0, True) == (status, "401: no plan finds its credential" in lines)


def test_an_operation_that_is_open_to_everybody_says_so(explain: Explain) -> None:
    assert "open to everybody (authentication: none)" in explain("GET", "/shop/open")[1]


@pytest.mark.parametrize(
    ("arguments", "host"),
    [
        (["http://docs.example:81/docs/"], "docs.example:81"),
        (["/docs/", "-H", "Host: DOCS.example"], "docs.example"),
        (["/docs/"], "localhost"),
    ],
)
def test_the_host_is_that_of_the_url_or_the_header(explain: Explain, arguments: list[str], host: str) -> None:
    status, lines = explain("GET", *arguments)
    assert f"GET /docs/ on host {host}" == lines[0]
    assert (1 if host == "localhost" else 0) == status


def test_a_path_that_nothing_takes_is_a_404_with_what_nearly_did(explain: Explain) -> None:
    status, lines = explain("GET", "/shop/itmes/5")
    assert (1, "404: no operation matches") == (status, lines[1])
    assert "  GET /shop/items/{id} of shop 2: segment 2 of the path is 'itmes', not 'items'" in lines


def test_a_host_that_nothing_takes_is_among_the_reasons(explain: Explain) -> None:
    assert any("of docs 1.0: " in line and "docs.example" in line for line in explain("GET", "/docs/")[1])


def test_a_wrong_method_is_a_405_with_the_right_ones(explain: Explain) -> None:
    status, lines = explain("POST", "/shop/items/5")
    assert (1, "405: the path is known, for the methods GET, HEAD, PUT") == (status, lines[1])


def test_options_is_answered_by_the_gateway_after_the_entry_flow(explain: Explain) -> None:
    lines = explain("OPTIONS", "/shop/items/5")[1]
    assert [
        "204: the path is known, for the methods GET, HEAD, PUT; the gateway answers OPTIONS itself",
        "ENTRY flow",
        "  request-size  FILE:3:12",
    ] == lines[1:4]


def test_steps_that_are_done_in_one_go_are_listed_each(explain: Explain, file: Path) -> None:
    one = "response: [{remove-header: {name: Server}}]"
    file.write_text(TEXT.replace(one, f"{one[:-1]}, {{set-header: {{name: X-B, value: b}}}}]"))
    lines = explain("GET", "/shop/open")[1]
    after = lines[lines.index("RESPONSE flow") :]
    assert [line.split()[0] for line in after[1:3]] == ["remove-header", "set-header"]


def test_the_method_may_be_written_in_lower_case(explain: Explain) -> None:
    assert 0 == explain("get", "/shop/items/5")[0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["/a/%2e%2e%2fb"], "the gateway refuses this path with 400: "),
        (["/", "-H", "no colon"], "'no colon' is no header: write 'Name: value'"),
        (["/", "-H", "a b: c"], "a b"),
        (["/", "--client", "somewhere"], "'somewhere' does not appear to be an IPv4 or IPv6 address"),
    ],
)
def test_a_request_that_cannot_be_is_wrong_usage(explain: Explain, arguments: list[str], said: str) -> None:
    status, lines = explain("GET", *arguments)
    assert 2 == status
    assert lines[0].startswith("apim explain: ")
    assert said in lines[0]


def test_the_clients_address_is_what_conditions_see(explain: Explain, file: Path) -> None:
    file.write_text(TEXT.replace("request.query['tier'] == 'gold'", "client.address == '192.0.2.7'"))
    lines = explain("GET", "/shop/items/5", "-H", "X-Gold: k", "--client", "192.0.2.7")[1]
    assert "-> plan gold: its credential is there, subscription required" in lines
