"""From a configuration to plugins, flows and routes; what is refused is in ``test_assembler_problems``."""

from __future__ import annotations

from pathlib import Path

import pytest
from apim_sdk import Fault
from apim_sdk.testing import make_exchange
from support.assembling import PLUGINS, Counting, assembled, changed
from support.gateway import configuration, registry_with, run, serving

from apim_core.assembly import Observer, assemble

PLACES = """\
management: {enabled: false}
key_managers: {}
sinks: [noting: {}]
flows: {entry: [passing: {}], request: [passing: {}, passing: {}, counting: {requests: 1, per: 1s, key: ip}]}
apis:
  - name: items
    version: "2"
    context: /items
    endpoint: {ending: {}}
    flows: {response: [returning: {}]}
    plans:
      - name: known
        authentication: {knowing: {}}
        limits: [{requests: 3, per: 1m, burst: 7}, {requests: 5, per: 1h}]
        flows: {request: [passing: {}]}
    operations:
      - match: GET /{id}
        endpoint: {ending: {}}
        flows: {request: [passing: {}]}
limit_policy: counting
"""


def test_an_instance_is_known_by_where_it_stands(tmp_path: Path) -> None:
    assert [
        "sinks/noting",
        "gateway/entry/passing",
        "gateway/request/passing",
        "gateway/request/passing#2",
        "gateway/request/counting",
        "apis/items:2/response/returning",
        "apis/items:2/endpoint/ending",
        "apis/items:2/plans/known/request/passing",
        "apis/items:2/plans/known/limits/request/counting",
        "apis/items:2/plans/known/limits/request/counting#2",
        "apis/items:2/plans/known/knowing",
        "apis/items:2/GET /{id}/request/passing",
        "apis/items:2/GET /{id}/endpoint/ending",
    ] == [built.place for built in assembled(PLACES, tmp_path).plugins]


def test_limits_of_a_plan_are_the_limit_policy_counted_for_each_subscription(tmp_path: Path) -> None:
    built = assembled(PLACES, tmp_path).plugins
    assert [
        Counting(3, "1m", "subscription", 7),
        Counting(5, "1h", "subscription"),
    ] == [each.plugin for each in built if "/limits/" in each.place]


def test_a_limit_of_a_plan_may_be_any_policy_and_may_have_other_settings(tmp_path: Path) -> None:
    text = PLACES.replace(
        "[{requests: 3, per: 1m, burst: 7}, {requests: 5, per: 1h}]",
        "[{requests: 3, per: 1m, key: application}, "
        "{quota: {requests: 9, per: 1 month}, when: request.method == 'GET'}]",
    )
    counted, quota = [each.plugin for each in assembled(text, tmp_path).plugins if "/limits/" in each.place]

    assert Counting(3, "1m", "application") == counted
    assert ("Quota", "1 month") == (type(quota).__name__, getattr(quota, "per", None))


def test_limits_of_a_plan_run_before_every_request_flow(tmp_path: Path) -> None:
    (route,) = assembled(PLACES, tmp_path).routes
    names = [step.name for step in route.target.chain("known").request]
    assert ["counting", "counting", "passing", "passing", "counting", "passing", "passing"] == names


def test_a_chain_is_built_once_for_each_plan(tmp_path: Path) -> None:
    (route,) = assembled(PLACES, tmp_path).routes
    assert route.target.chain("known") is route.target.chain("known")
    assert route.target.chain("known") is not route.target.chain(None)


def test_operations_that_add_nothing_share_their_chains(tmp_path: Path) -> None:
    text = changed("match: GET /\n", "match: GET /\n      - match: PUT /\n")
    first, second = assembled(text, tmp_path).routes
    assert first.target.chain("known") is second.target.chain("known")


def test_a_step_that_is_switched_off_is_not_there(tmp_path: Path) -> None:
    text = changed("apis:", "flows: {request: [{passing: {}, enabled: false}, {unknown: {}, enabled: false}]}\napis:")
    (route,) = assembled(text, tmp_path).routes
    assert () == route.target.chain("known").request


def test_keyless_plans_are_tried_last(tmp_path: Path) -> None:
    text = changed("    plans:\n", "    plans:\n      - {name: public, authentication: {keyless: {}}}\n")
    (route,) = assembled(text, tmp_path).routes
    assert route.target.admission is not None
    assert ["known", "public"] == [plan.plan.name for plan in route.target.admission.plans]


def test_a_blocked_api_answers_503_before_anything_else(tmp_path: Path) -> None:
    async def scenario() -> tuple[int, str]:
        text = changed("    context:", "    status: blocked\n    context:")
        async with serving(text, tmp_path, **PLUGINS) as served:
            answer = await served.get("/items/")
            return answer.status, answer.json["code"]

    assert (503, "700700") == run(scenario())


def test_a_step_knows_where_it_was_written(tmp_path: Path) -> None:
    (route,) = assembled(PLACES, tmp_path).routes
    step = route.target.chain("known").request[-1]
    assert (str(tmp_path / "apim.yaml"), "/apis/0/operations/0/flows/request/0/passing") == (step.file, step.pointer)


def test_what_goes_wrong_while_exchanges_run_is_told_to_the_observer(tmp_path: Path) -> None:
    told: list[str] = []
    text = changed("apis:", "flows: {request: [{passing: {}, when: '1 / request.content_length == 2'}]}\napis:")
    registry = registry_with(**PLUGINS)
    made = assemble(configuration(text, tmp_path), registry, Observer(lambda *_: None, told.append))
    (route,) = made.routes
    with pytest.raises(Fault):
        route.target.chain("known").request[0].call(make_exchange())
    assert ["passing"] == told
