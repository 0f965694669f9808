"""Governance of what a gateway is to serve: what is blocked is refused, the rest is told."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import attrs
import pytest
from apim_governance.trend import Trend
from apim_sdk import Exchange, GovernedDocument, Governor, Judgement, Plugin, Policy, hookimpl
from apim_sdk.testing import build
from support.gateway import run, serving

from apim_core.cli import main
from apim_core.config import ConfigErrors

BLOCK = "[{state: deploy, severity: error, type: block}, {state: deploy, severity: warn, type: notify}]"
APIS = """\
apis:
  - name: orders
    version: "1.0"
    context: /orders/1.0
    description: Orders
    labels: [public]
    endpoint: {mock: {body: hello}}
    plans: [{name: keys, authentication: {api-key: {}}, limits: [{requests: 10, per: 1m}]}]
    operations: [{match: "GET /{id}"}]
"""
UNPLANNED = APIS.replace("[{name: keys, authentication: {api-key: {}}, limits: [{requests: 10, per: 1m}]}]", "[]")


def governed(apis: str = APIS, settings: str = "", rulesets: str = "[apim-recommended]", labels: str = "") -> str:
    policy = f"{{name: Platform, rulesets: {rulesets}, actions: {BLOCK}{labels}}}"
    text = f"""\
management: {{enabled: false}}
stores: {{main: {{memory: {{}}}}}}
governance:
  governor:
    policies: [{policy}]
"""
    return text + textwrap.indent(settings, "    ") + apis


async def refused(text: str, folder: Path, **plugins: type[Plugin]) -> list[str]:
    with pytest.raises(ConfigErrors) as caught:
        async with serving(text, folder, **plugins):
            raise AssertionError("it must not serve")
    return [str(problem) for problem in caught.value.problems]


async def served_findings(text: str, folder: Path, **plugins: type[Plugin]) -> list[dict[str, Any]]:
    async with serving(text, folder, **plugins) as served:
        return [entry for entry in served.log if entry["event"] == "governance"]


def test_apis_that_follow_their_policies_are_served(tmp_path: Path) -> None:
    assert [] == run(served_findings(governed(), tmp_path))


def test_a_start_is_refused_with_the_code_and_the_line_of_what_a_policy_blocks(tmp_path: Path) -> None:
    (problem,) = run(refused(governed(UNPLANNED), tmp_path))
    message = "903300 blocked by the governance policy 'Platform': The API has no plan, so nobody gets in. (apim-plans)"
    assert f"{tmp_path}/apim.yaml:13:11: {message}\n  fix: mend it, or ask for a waiver" == problem


def test_a_reload_that_is_blocked_leaves_the_old_configuration_serving(tmp_path: Path) -> None:
    async def reload() -> None:
        async with serving(governed(APIS.replace("{api-key: {}}", "{keyless: {}}")), tmp_path) as served:
            with pytest.raises(ConfigErrors, match="903300"):
                await served.reload(governed(UNPLANNED))
            assert 200 == (await served.get("/orders/1.0/1")).status

    run(reload)


def test_what_a_policy_notifies_of_is_logged_and_counted(tmp_path: Path) -> None:
    async def notify() -> None:
        text = governed(APIS.replace("description: Orders", "description: ''"))
        async with serving(text, tmp_path) as served:
            (entry,) = [each for each in served.log if each["event"] == "governance"]
            assert ("warning", "Platform", "apim-api-description", "warn", f"{tmp_path}/apim.yaml:10:18") == tuple(
                entry[name] for name in ("level", "policy", "rule", "severity", "place")
            )
            assert b'apim_governance_findings_total{severity="warn"} 1.0' in served.gateway.metrics.exposition()

    run(notify)


def test_a_waiver_lets_pass_until_it_expires(tmp_path: Path) -> None:
    waiver = (
        'waivers: [{{rule: apim-plans, api: orders, reason: "they come next week", expires: "{}-01-01T00:00:00Z"}}]\n'
    )
    assert [] == run(served_findings(governed(UNPLANNED, waiver.format(2999)), tmp_path))
    assert "apim-plans" in run(refused(governed(UNPLANNED, waiver.format(2020)), tmp_path))[0]


def test_a_policy_is_only_for_apis_with_its_labels(tmp_path: Path) -> None:
    assert [] == run(served_findings(governed(UNPLANNED, labels=", labels: [internal]"), tmp_path))
    assert 1 == len(run(refused(governed(UNPLANNED, labels=", labels: [public]"), tmp_path)))


def test_definitions_are_held_against_rulesets_for_them(tmp_path: Path) -> None:
    (tmp_path / "orders.yaml").write_text(
        "openapi: 3.1.0\ninfo: {title: Orders, version: '1'}\npaths:\n  /{id}:\n    get: {responses: {}}\n"
    )
    apis = APIS.replace("    operations:", "    definition: orders.yaml\n    operations:")
    problems = run(refused(governed(apis, rulesets="[apim-recommended, spectral-oas]"), tmp_path))
    assert [f"{tmp_path}/orders.yaml:5:9: 903300"] == [problem[: problem.index(" blocked")] for problem in problems][:1]


def test_a_ruleset_may_be_a_file_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "ours.yaml").write_text(
        "rules:\n  hosts:\n    given: $\n    severity: error\n    message: Say the hosts.\n"
        "    then: {field: hosts, function: truthy}\n"
    )
    problems = run(refused(governed(settings="rulesets: {ours: ours.yaml}\n", rulesets="[ours]"), tmp_path))
    assert ["Say the hosts. (hosts)"] == [problem.splitlines()[0].partition("'Platform': ")[2] for problem in problems]


@pytest.mark.parametrize(
    ("expected", "written"),
    [
        ("has no ruleset", None),
        ("extends itself", "extends: ours.yaml\n"),
        ("is not fetched here", "extends: https://example.com/rules.yaml\n"),
        ("in JavaScript, which is not run here", "extends: ./rules.js\n"),
        ("in none of the folders", "extends: ../../../../../../../etc/passwd\n"),
    ],
)
def test_a_ruleset_that_cannot_be_used_keeps_the_configuration_from_being_served(
    tmp_path: Path, expected: str, written: str | None
) -> None:
    settings = "" if written is None else "rulesets: {ours: ours.yaml}\n"
    (tmp_path / "ours.yaml").write_text(written or "")
    (problem,) = run(refused(governed(settings=settings, rulesets="[ours]"), tmp_path))
    assert expected.replace("has no ruleset", "there is no ruleset 'ours'") in problem
    assert problem.startswith(f"{tmp_path}/apim.yaml:4:3: governance cannot judge the APIs")


@attrs.frozen
class Documented(Policy):
    """A policy that brings a document of its own to governance."""

    note: str = ""
    """What is governed."""

    def on_request(self, exchange: Exchange) -> None:
        pass

    @hookimpl
    @classmethod
    def apim_governed_documents(cls, plugin: Plugin) -> Iterable[GovernedDocument]:
        if isinstance(plugin, cls):
            yield GovernedDocument("documented", "1", f"note: {plugin.note!r}", "documented.yaml")


def test_plugins_bring_documents_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "notes.yaml").write_text(
        "rules:\n  note:\n    given: $.note\n    severity: error\n"
        "    then: {function: pattern, functionOptions: {notMatch: secret}}\n"
    )
    apis = APIS + "    flows: {request: [{documented: {note: our secret}}]}\n"
    text = governed(apis, "rulesets: {notes: notes.yaml}\n", "[notes]")
    (problem,) = run(refused(text, tmp_path, documented=Documented))
    assert problem.startswith("documented.yaml:1:7: 903300")


@attrs.frozen
class Broken(Governor):
    """Fails."""

    def judge(self, documents: Any) -> Iterable[Judgement]:
        raise RuntimeError("out of order")


def test_what_cannot_be_judged_is_not_served(tmp_path: Path) -> None:
    text = "management: {enabled: false}\ngovernance: {broken: {}}\n" + APIS
    (problem,) = run(refused(text, tmp_path, broken=Broken))
    assert "governance cannot judge the APIs: RuntimeError: out of order" in problem


def test_values_from_the_environment_are_not_shown_to_rules(tmp_path: Path) -> None:
    apis = APIS.replace("description: Orders", 'description: "${env:NAME:-hidden}"')
    (tmp_path / "ours.yaml").write_text(
        "rules:\n  shown: {given: $.description, severity: error, message: 'saw {{value}}', then: {function: falsy}}\n"
    )
    (problem,) = run(refused(governed(apis, "rulesets: {ours: ours.yaml}\n", "[ours]"), tmp_path))
    assert "saw ${env:NAME:-hidden}" in problem


def test_scores_are_kept_in_the_store(tmp_path: Path) -> None:
    async def keep() -> None:
        apis = APIS.replace("description: Orders", "description: ''")
        async with serving(governed(apis, "store: main\n"), tmp_path) as served:
            await served.reload(governed(APIS, "store: main\n"))
            assert served.gateway.snapshot is not None
            store = served.gateway.snapshot.assembly.stores["main"]
            assert ["0.93", "0.98"] == [str(point.score) for point in await Trend(store).of("orders:1.0")]

    run(keep)


def test_check_tells_what_is_found_with_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "apim.yaml"
    file.write_text(governed(APIS.replace("description: Orders", "description: ''")))
    assert 0 == main(["check", str(file)])
    message = "warn: The API has no description. (apim-api-description, policy 'Platform')"
    assert f"{file}:10:18: {message}\n" == capsys.readouterr().err


def test_a_governor_without_settings_tells_what_the_recommended_rules_find(tmp_path: Path) -> None:
    governor = build("governor", {})
    assert isinstance(governor, Governor)
    judgements = governor.judge([GovernedDocument("a", "1", UNPLANNED, "apim.yaml", "/apis/0")])
    assert [("apim-plans", False)] == [(judgement.rule, judgement.blocks) for judgement in judgements]
