"""Every mistake that only the assembly can find comes with file, line and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.assembling import SOUND, assembled, changed

from apim_core.config import ConfigErrors, locate_problems


def problems(text: str, folder: Path) -> list[str]:
    """What is wrong with a configuration: line, column, message and remedy of each problem."""
    with pytest.raises(ConfigErrors) as caught:
        assembled(text, folder)
    found = locate_problems(caught.value.problems)
    assert {str(folder / "apim.yaml")} == {problem.file for problem in found}
    return [f"{problem.line}:{problem.column}: {problem.message} | {problem.hint}" for problem in found]


def test_a_plugin_that_is_not_installed_comes_with_the_one_that_may_be_meant(tmp_path: Path) -> None:
    expected = ["6:16: no plugin is named 'endin' | did you mean 'ending'?"]
    assert expected == problems(changed("ending", "endin"), tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "place", "name", "kind", "wanted"),
    [
        ("{ending: {}}", "{passing: {}}", "6:16", "passing", "policy", "endpoint"),
        ("{knowing: {}}", "{ending: {}}", "8:40", "ending", "endpoint", "authenticator"),
        ("apis:", "sinks: [passing: {}]\napis:", "3:9", "passing", "policy", "sink"),
        ("apis:", "key_managers: {a: {noting: {}}}\napis:", "3:20", "noting", "sink", "key manager"),
        ("apis:", "flows: {entry: [ending: {}]}\napis:", "3:17", "ending", "endpoint", "policy"),
    ],
)
def test_a_plugin_of_another_kind_is_refused(
    tmp_path: Path, old: str, new: str, place: str, name: str, kind: str, wanted: str
) -> None:
    said = f"{place}: {name!r} is a plugin of the kind {kind!r}; here stands one of the kind {wanted!r} | None"
    assert [said] == problems(changed(old, new), tmp_path)


def test_settings_of_a_plugin_that_are_wrong_are_refused_where_they_stand(tmp_path: Path) -> None:
    text = changed("apis:", "flows: {entry: [passing: {wrods: [a]}]}\napis:")
    assert ["3:27: the key 'wrods' is not known here | did you mean 'words'?"] == problems(text, tmp_path)


@pytest.mark.parametrize(
    ("flow", "name", "lacks", "stands"),
    [
        ("entry", "returning", "on_request or on_message", "it may stand in: response"),
        ("request", "returning", "on_request or on_message or around or after", "it may stand in: response"),
        ("response", "passing", "on_response", "it may stand in: entry, request"),
        ("fault", "passing", "on_fault", "it may stand in: entry, request"),
        ("request", "idle", "on_request or on_message or around or after", "it defines none of the flow methods"),
    ],
)
def test_a_policy_in_a_flow_that_it_has_no_method_for_is_refused(
    tmp_path: Path, flow: str, name: str, lacks: str, stands: str
) -> None:
    text = changed("apis:", f"flows: {{{flow}: [{name}: {{}}]}}\napis:")
    said = f"3:{12 + len(flow)}: {name!r} cannot stand in the {flow} flow, it defines no {lacks} | {stands}"
    assert [said] == problems(text, tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("{knowing: {}}", "{knowing: {}}, flows: {entry: [passing: {}]}", "8:70"),
        ("match: GET /\n", "match: GET /\n        flows: {entry: [passing: {}]}\n", "11:25"),
    ],
    ids=["plan", "operation"],
)
def test_an_entry_flow_below_the_api_is_refused(tmp_path: Path, old: str, new: str, place: str) -> None:
    assert [
        f"{place}: only the gateway and an API have an entry flow | it runs before a plan or an operation's own "
        "policies are known: move it up, or to `request`"
    ] == problems(changed(old, new), tmp_path)


def test_an_operation_without_an_endpoint_is_refused(tmp_path: Path) -> None:
    text = changed("    endpoint: {ending: {}}\n", "")
    assert [
        "9:9: GET / has no endpoint, and neither has API 'items' | "
        "add `endpoint: {http: {url: ...}}` to the API or to the operation"
    ] == problems(text, tmp_path)


def test_an_api_needs_no_endpoint_where_each_operation_has_one(tmp_path: Path) -> None:
    text = changed("    endpoint: {ending: {}}\n", "").replace("GET /\n", "GET /\n        endpoint: {ending: {}}\n")
    assert 1 == len(assembled(text, tmp_path).routes)


@pytest.mark.parametrize(("first", "second"), [("GET /", "GET /"), ("GET /{a}", "GET /{b}")])
def test_two_operations_of_one_route_are_refused_where_the_second_stands(
    tmp_path: Path, first: str, second: str
) -> None:
    text = changed("match: GET /\n", f"match: {first}\n      - match: {second}\n")
    assert [
        f"11:9: {second} of API 'items' is the same route as {first} of API 'items' | "
        "change the context, the hosts or the path of one of them, or remove one"
    ] == problems(text, tmp_path)


def test_two_apis_of_one_context_and_route_are_refused(tmp_path: Path) -> None:
    second = SOUND.partition("apis:\n")[2].replace("name: items", "name: others")
    (problem,) = problems(SOUND + second, tmp_path)
    assert problem.startswith("17:9: GET / of API 'others' is the same route as GET / of API 'items' | ")


def test_two_apis_of_one_context_are_told_apart_by_their_hosts(tmp_path: Path) -> None:
    second = SOUND.partition("apis:\n")[2].replace("name: items", "name: others\n    hosts: [a.example]")
    assert 2 == len(assembled(SOUND + second, tmp_path).routes)


APPLICATION = "applications:\n  - name: shop\n    subscriptions:\n      - "


@pytest.mark.parametrize(
    ("subscription", "expected"),
    [
        ("{api: item, plan: known}", "no API is named 'item' | did you mean 'items'?"),
        ("{api: x, plan: known}", "no API is named 'x' | None"),
        ("{api: items, plan: knwon}", "API 'items' has no plan named 'knwon' | did you mean 'known'?"),
        ("{api: items, plan: x}", "API 'items' has no plan named 'x' | it has: known"),
        ("{api: items, plan: known, version: '2'}", "API 'items' has no version '2' | None"),
    ],
)
def test_a_subscription_to_what_is_not_there_is_refused(tmp_path: Path, subscription: str, expected: str) -> None:
    assert [f"14:9: {expected}"] == problems(SOUND + APPLICATION + subscription + "\n", tmp_path)


def test_a_subscription_to_an_api_without_plans_is_refused(tmp_path: Path) -> None:
    text = changed("    plans:\n      - {name: known, authentication: {knowing: {}}}\n", "")
    text += APPLICATION + "{api: items, plan: known}\n"
    assert ["12:9: API 'items' has no plan named 'known' | it has: none"] == problems(text, tmp_path)


def test_two_plans_of_one_name_are_refused(tmp_path: Path) -> None:
    plan = "      - {name: known, authentication: {knowing: {}}}\n"
    assert ["9:9: API 'items' has two plans named 'known' | None"] == problems(changed(plan, plan * 2), tmp_path)


def test_a_limit_policy_that_is_not_installed_is_refused(tmp_path: Path) -> None:
    text = changed("{knowing: {}}", "{knowing: {}}, limits: [{requests: 1, per: 1s}]")
    text = changed("apis:", "limit_policy: countin\napis:", text)
    assert ["9:63: no plugin is named 'countin' | did you mean 'counting'?"] == problems(text, tmp_path)


def test_every_problem_is_reported_at_once(tmp_path: Path) -> None:
    text = changed("ending", "endin")
    text = changed("knowing", "knowin", text)
    text = changed("GET /\n", "GET /\n        flows: {response: [passing: {}]}\n", text)
    text += APPLICATION + "{api: x, plan: y}\n"
    assert [6, 8, 11, 15] == sorted(int(problem.partition(":")[0]) for problem in problems(text, tmp_path))
