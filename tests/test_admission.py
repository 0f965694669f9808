"""Admission: which plan a client comes in by, who it is then, and what it may call."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs
import pytest
from apim_sdk import (
    Authenticator,
    Credential,
    Endpoint,
    Exchange,
    Fault,
    Headers,
    Principal,
    Reject,
    Response,
    Secret,
    errors,
)
from support.gateway import Answer, run, serving


@attrs.frozen
class Badge(Authenticator):
    """Judges a header by what is in it; a good badge is its bearer's name and scopes."""

    challenge = 'Badge realm="apim"'

    header: str = "X-Badge"
    """Where the badge is."""

    def find(self, exchange: Exchange) -> Credential | None:
        value = exchange.request.headers.get(self.header)
        return None if value is None else Credential("badge", Secret(value))

    async def judge(self, credential: Credential, exchange: Exchange) -> Principal:
        value = credential.value.reveal()
        if value == "forged":
            raise Reject(errors.INVALID_CREDENTIALS, headers={"WWW-Authenticate": f'Badge error="{self.header}"'})
        if value == "unreadable":
            raise Fault(errors.PLAN_RESOLUTION_FAILURE)
        if value == "poisoned":
            raise ZeroDivisionError("a secret of the inside")
        name, *scopes = value.split()
        return Principal(name, frozenset(scopes), client_id=name)

    def conceal(self, exchange: Exchange) -> None:
        exchange.request.headers.remove(self.header)


@attrs.frozen
class Pass(Badge):
    """Another badge, whose plans need no subscription."""

    requires_subscription = False
    challenge = 'Pass realm="apim"'


@attrs.frozen
class Stamp(Badge):
    """A badge that is judged without waiting."""

    requires_subscription = False
    challenge = 'Stamp realm="apim"'

    header: str = "X-Stamp"
    """Where the stamp is."""

    def judge(self, credential: Credential, exchange: Exchange) -> Principal:  # type: ignore[override]  # at once
        if credential.value.reveal() == "forged":
            raise Reject(errors.INVALID_CREDENTIALS, headers={"WWW-Authenticate": 'Stamp error="forged"'})
        return Principal(credential.value.reveal())


@attrs.frozen
class Seal(Stamp):
    """A stamp that says of itself whether it was seen before."""

    def recognise(self, exchange: Exchange) -> Principal | None:
        value = exchange.request.headers.get(self.header) or ""
        return Principal(f"known {value}") if value.startswith("seen") else None


@attrs.frozen
class Stricter(Seal):
    """A seal that is judged in another way."""

    def judge(self, credential: Credential, exchange: Exchange) -> Principal:
        raise Reject(errors.INVALID_CREDENTIALS)


@attrs.frozen
class Who(Endpoint):
    """Answers with what admission found out."""

    async def send(self, exchange: Exchange) -> Response:
        assert exchange.plan is not None
        assert exchange.principal is not None
        found = {
            "plan": exchange.plan.name,
            "subject": exchange.principal.subject,
            "application": exchange.application and exchange.application.name,
            "subscription": exchange.subscription and exchange.subscription.plan,
            "headers": sorted(name.lower() for name, _ in exchange.request.headers.items()),
        }
        return Response(200, Headers([("Content-Type", "application/json")]), json.dumps(found).encode())


PLUGINS: dict[str, Any] = {
    "badge": Badge, "pass": Pass, "seal": Seal, "stamp": Stamp, "stricter": Stricter, "who": Who
}  # fmt: skip

KEYS_THEN_PUBLIC = """\
[{name: public, authentication: {keyless: {}}},
 {name: keys, authentication: {api-key: {header: X-API-Key}}}]"""

SHOP = "[{name: shop, keys: [{api-key: shop-key}, {client_id: anna}], subscriptions: [%s]}]"


def text(plans: str, applications: str = "[]", operation: str = "{match: GET /who}") -> str:
    return f"""
management: {{enabled: false}}
apis:
  - name: items
    context: /api
    endpoint: {{who: {{}}}}
    plans: {plans}
    operations: [{operation}]
applications: {applications}
"""


def ask(folder: Path, configuration: str, **headers: str) -> Answer:
    """The answer to one call, with these headers."""

    async def scenario() -> Answer:
        async with serving(configuration, folder, **PLUGINS) as served:
            return await served.get("/api/who", **headers)

    answer: Answer = run(scenario())
    return answer


def refusal(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.json["code"]


# Which plan


def test_the_plan_is_that_whose_credential_the_request_carries(tmp_path: Path) -> None:
    plans = "[{name: first, authentication: {pass: {header: X-First}}}, {name: second, authentication: {pass: {}}}]"
    assert "second" == ask(tmp_path, text(plans), X_Badge="anna").json["plan"]


def test_of_two_plans_that_would_do_the_first_in_the_list_is_taken(tmp_path: Path) -> None:
    plans = "[{name: first, authentication: {pass: {}}}, {name: second, authentication: {pass: {}}}]"
    assert "first" == ask(tmp_path, text(plans), X_Badge="anna").json["plan"]


def test_a_later_plan_may_take_the_credential_that_an_earlier_one_refused(tmp_path: Path) -> None:
    plans = "[{name: first, authentication: {pass: {header: X-First}}}, {name: second, authentication: {pass: {}}}]"
    assert "second" == ask(tmp_path, text(plans), X_First="forged", X_Badge="anna").json["plan"]


def test_keyless_comes_last_wherever_it_stands(tmp_path: Path) -> None:
    configuration = text(KEYS_THEN_PUBLIC, SHOP % "{api: items, plan: keys}")
    assert "keys" == ask(tmp_path, configuration, X_API_Key="shop-key").json["plan"]


def test_keyless_takes_who_presents_nothing(tmp_path: Path) -> None:
    found = ask(tmp_path, text(KEYS_THEN_PUBLIC)).json
    assert ("public", "anonymous", None) == (found["plan"], found["subject"], found["application"])


def test_keyless_never_rescues_a_bad_credential(tmp_path: Path) -> None:
    assert (401, "900901") == refusal(ask(tmp_path, text(KEYS_THEN_PUBLIC), X_API_Key="guessed"))


def test_keyless_never_rescues_an_application_that_is_not_subscribed(tmp_path: Path) -> None:
    assert (403, "900908") == refusal(ask(tmp_path, text(KEYS_THEN_PUBLIC, SHOP % ""), X_API_Key="shop-key"))


def test_a_plan_is_considered_only_where_its_condition_holds(tmp_path: Path) -> None:
    plans = """[{name: gold, authentication: {pass: {}}, when: "request.query['tier'] == 'gold'"},
                {name: plain, authentication: {pass: {}}}]"""

    async def scenario() -> list[str]:
        async with serving(text(plans), tmp_path, **PLUGINS) as served:
            return [(await served.get(f"/api/who?tier={tier}", X_Badge="anna")).json["plan"] for tier in ("gold", "x")]

    assert ["gold", "plain"] == run(scenario())


def test_an_error_in_a_plans_condition_is_a_500_not_an_open_door(tmp_path: Path) -> None:
    plans = """[{name: gold, authentication: {pass: {}}, when: "1 / request.content_length == 2"},
                {name: public, authentication: {keyless: {}}}]"""
    assert (500, "500") == refusal(ask(tmp_path, text(plans)))


def test_an_api_without_plans_lets_nobody_in(tmp_path: Path) -> None:
    answer = ask(tmp_path, text("[]"))
    assert (401, "900902") == refusal(answer)
    assert "WWW-Authenticate" not in answer.headers


def test_an_operation_open_to_everybody_asks_no_plan(tmp_path: Path) -> None:
    operation = "{match: GET /who, authentication: none, endpoint: {mock: {body: open}}}"
    plans = "[{name: keys, authentication: {api-key: {}}}]"
    assert b"open" == ask(tmp_path, text(plans, operation=operation)).body


# Judged without waiting


STAMP_THEN_PASS = "[{name: first, authentication: {%s: {}}}, {name: second, authentication: {pass: {}}}]"


@pytest.mark.parametrize(
    ("first", "stamp", "expected"),
    [
        ("stamp", "anna", ("first", "anna")),
        ("stamp", "forged", ("second", "bert")),
        ("seal", "new", ("first", "new")),
        ("seal", "seen", ("first", "known seen")),
        ("seal", "forged", ("second", "bert")),
    ],
)
def test_plans_that_judge_at_once_and_others_are_tried_in_order(
    tmp_path: Path, first: str, stamp: str, expected: tuple[str, str]
) -> None:
    found = ask(tmp_path, text(STAMP_THEN_PASS % first), X_Stamp=stamp, X_Badge="bert").json
    assert expected == (found["plan"], found["subject"])
    assert not {"x-stamp", "x-badge"} & set(found["headers"])


def test_of_a_refusal_at_once_and_one_that_took_time_the_first_is_told(tmp_path: Path) -> None:
    answer = ask(tmp_path, text(STAMP_THEN_PASS % "stamp"), X_Stamp="forged", X_Badge="forged")
    assert 'Stamp error="forged"' == answer.headers["WWW-Authenticate"]


def test_who_is_recognised_has_presented_something_so_that_keyless_is_no_refuge(tmp_path: Path) -> None:
    plans = """[{name: seals, authentication: {seal: {}}, subscription: required},
                {name: public, authentication: {keyless: {}}}]"""
    assert (403, "900908") == refusal(ask(tmp_path, text(plans), X_Stamp="seen"))


def test_an_authenticator_that_judges_in_its_own_way_is_not_asked_whom_its_base_would_recognise(tmp_path: Path) -> None:
    plans = "[{name: seals, authentication: {stricter: {}}}]"
    assert (401, "900901") == refusal(ask(tmp_path, text(plans), X_Stamp="seen"))


# Refusals


def test_who_presents_nothing_is_told_every_kind_of_credential_that_would_do(tmp_path: Path) -> None:
    plans = """[{name: a, authentication: {badge: {}}}, {name: b, authentication: {api-key: {}}},
                {name: c, authentication: {badge: {header: X-Other}}}]"""
    answer = ask(tmp_path, text(plans))
    assert (401, "900902") == refusal(answer)
    assert 'Badge realm="apim", ApiKey realm="apim"' == answer.headers["WWW-Authenticate"]


def test_of_two_refusals_the_first_is_told(tmp_path: Path) -> None:
    plans = "[{name: a, authentication: {pass: {header: X-First}}}, {name: b, authentication: {pass: {}}}]"
    answer = ask(tmp_path, text(plans), X_First="forged", X_Badge="forged")
    assert 'Badge error="X-First"' == answer.headers["WWW-Authenticate"]


def test_a_technical_failure_goes_before_a_refusal(tmp_path: Path) -> None:
    plans = "[{name: a, authentication: {pass: {header: X-First}}}, {name: b, authentication: {pass: {}}}]"
    assert (503, "900900") == refusal(ask(tmp_path, text(plans), X_First="forged", X_Badge="unreadable"))


def test_a_technical_failure_of_one_plan_does_not_close_another(tmp_path: Path) -> None:
    plans = "[{name: a, authentication: {pass: {header: X-First}}}, {name: b, authentication: {pass: {}}}]"
    assert "b" == ask(tmp_path, text(plans), X_First="unreadable", X_Badge="anna").json["plan"]


def test_an_authenticator_that_raises_costs_its_exchange_a_500_and_is_named(tmp_path: Path) -> None:
    async def scenario() -> None:
        plans = "[{name: badges, authentication: {pass: {}}}, {name: public, authentication: {keyless: {}}}]"
        async with serving(text(plans), tmp_path, **PLUGINS) as served:
            answer = await served.get("/api/who", X_Badge="poisoned")
            assert (500, "500") == refusal(answer)
            assert b"secret" not in answer.body
            assert ["plan badges"] == [line["plugin"] for line in served.log]
            assert b'apim_plugin_failures_total{plugin="plan badges"} 1.0' in served.gateway.metrics.exposition()

    run(scenario())


# Applications and subscriptions


def test_the_application_is_the_one_that_holds_the_key(tmp_path: Path) -> None:
    configuration = text(KEYS_THEN_PUBLIC, SHOP % "{api: items, plan: keys}")
    found = ask(tmp_path, configuration, X_API_Key="shop-key").json
    assert ("shop", "keys") == (found["application"], found["subscription"])


def test_the_application_is_found_by_the_client_id_of_the_principal(tmp_path: Path) -> None:
    configuration = text("[{name: badges, authentication: {badge: {}}}]", SHOP % "{api: items, plan: badges}")
    found = ask(tmp_path, configuration, X_Badge="anna").json
    assert ("shop", "badges") == (found["application"], found["subscription"])


def test_a_subscription_to_another_plan_does_not_admit(tmp_path: Path) -> None:
    plans = "[{name: badges, authentication: {badge: {}}}, {name: keys, authentication: {api-key: {}}}]"
    answer = ask(tmp_path, text(plans, SHOP % "{api: items, plan: keys}"), X_Badge="anna")
    assert (403, "900908") == refusal(answer)


def test_a_credential_of_no_application_needs_a_plan_without_subscription(tmp_path: Path) -> None:
    assert (403, "900908") == refusal(ask(tmp_path, text("[{name: a, authentication: {badge: {}}}]"), X_Badge="bert"))


def test_a_plan_may_waive_the_subscription(tmp_path: Path) -> None:
    plans = "[{name: badges, authentication: {badge: {}}, subscription: none}]"
    found = ask(tmp_path, text(plans, SHOP % ""), X_Badge="anna").json
    assert ("shop", None) == (found["application"], found["subscription"])


def test_a_plan_may_demand_a_subscription_that_its_authenticator_does_not(tmp_path: Path) -> None:
    plans = "[{name: passes, authentication: {pass: {}}, subscription: required}]"
    assert (403, "900908") == refusal(ask(tmp_path, text(plans, SHOP % ""), X_Badge="anna"))


def test_a_subscription_to_one_version_does_not_admit_to_another(tmp_path: Path) -> None:
    second = """\
  - name: items
    version: "2"
    context: /api2
    endpoint: {who: {}}
    plans: [{name: badges, authentication: {badge: {}}}]
    operations: [{match: GET /who}]
applications:"""
    applications = SHOP % "{api: items, plan: badges, version: '2'}"
    both = text("[{name: badges, authentication: {badge: {}}}]", applications).replace("applications:", second)

    async def scenario() -> list[int]:
        async with serving(both, tmp_path, **PLUGINS) as served:
            return [(await served.get(path, X_Badge="anna")).status for path in ("/api/who", "/api2/who")]

    assert [403, 200] == run(scenario())


STATES = """\
[{name: shop, blocked: %s, keys: [{api-key: k}, {api-key: sandbox-k, type: sandbox}, {client_id: anna, expires: %s}],
  subscriptions: [{api: items, plan: keys%s}, {api: items, plan: badges}]}]"""
STATED = "[{name: keys, authentication: {api-key: {}}}, {name: badges, authentication: {badge: {}}}]"


def stated(subscription: str = "", blocked: str = "false", expires: str = "2100-01-01T00:00:00Z") -> str:
    return text(STATED, STATES % (blocked, expires, f", {subscription}" if subscription else ""))


@pytest.mark.parametrize(
    ("subscription", "expected"),
    [
        ("", (200, "")),
        ("state: pending", (401, "900909")),
        ("state: paused", (401, "900909")),
        ("state: blocked", (401, "900907")),
        ("state: rejected", (403, "900908")),
        ("state: closed", (403, "900908")),
        ("ends: 2020-01-01T00:00:00Z", (401, "900909")),
        ("starts: 2100-01-01T00:00:00Z", (401, "900909")),
        ("starts: 2020-01-01T00:00:00Z, ends: 2100-01-01T00:00:00Z", (200, "")),
        ("key_type: sandbox", (403, "900908")),
        ("state: production-blocked", (401, "900907")),
    ],
)
def test_the_subscription_decides_with_its_state_and_dates(
    tmp_path: Path, subscription: str, expected: tuple[int, str]
) -> None:
    answer = ask(tmp_path, stated(subscription), X_API_Key="k")
    assert expected == (answer.status, "" if answer.status == 200 else answer.json["code"])
    if answer.status != 200:
        assert 'ApiKey realm="apim"' == answer.headers["WWW-Authenticate"]


def test_of_the_application_its_state_decides(tmp_path: Path) -> None:
    for headers in ({"X_API_Key": "k"}, {"X_Badge": "anna"}):
        assert (401, "900907") == refusal(ask(tmp_path, stated(blocked="true"), **headers))


def test_a_client_whose_key_is_over_is_nobodys(tmp_path: Path) -> None:
    assert "shop" == ask(tmp_path, stated(), X_Badge="anna").json["application"]
    assert (403, "900908") == refusal(ask(tmp_path, stated(expires="2020-01-01T00:00:00Z"), X_Badge="anna"))


def test_a_plan_that_waives_the_subscription_waives_its_state_but_not_the_applications(tmp_path: Path) -> None:
    waiving = "[{name: keys, authentication: {api-key: {}}, subscription: none}]"
    applications = "[{name: shop, %s, keys: [{api-key: k}], subscriptions: [{api: items, plan: keys, state: blocked}]}]"
    found = ask(tmp_path, text(waiving, applications % "owner: anna"), X_API_Key="k").json
    assert ("shop", None) == (found["application"], found["subscription"])
    assert (401, "900907") == refusal(ask(tmp_path, text(waiving, applications % "blocked: true"), X_API_Key="k"))


# Scopes


def test_one_of_the_scopes_of_an_operation_is_enough(tmp_path: Path) -> None:
    operation = "{match: GET /who, scopes: [read, write]}"
    configuration = text("[{name: passes, authentication: {pass: {}}}]", operation=operation)
    assert 200 == ask(tmp_path, configuration, X_Badge="anna other write").status


@pytest.mark.parametrize(
    ("scheme", "challenge"),
    [
        ("Bearer", 'Bearer realm="apim", error="insufficient_scope", scope="read write"'),
        ("DPoP", 'DPoP realm="apim", error="insufficient_scope", scope="read write"'),
        ("Pass", None),
    ],
)
def test_none_of_the_scopes_is_a_403_that_names_them_to_who_can_ask_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str, challenge: str | None
) -> None:
    monkeypatch.setattr(Pass, "challenge", f'{scheme} realm="apim"')
    operation = "{match: GET /who, scopes: [read, write]}"
    answer = ask(
        tmp_path, text("[{name: passes, authentication: {pass: {}}}]", operation=operation), X_Badge="anna other"
    )
    assert (403, "900910") == refusal(answer)
    assert challenge == answer.headers.get("WWW-Authenticate")


def test_anonymous_has_no_scope(tmp_path: Path) -> None:
    operation = "{match: GET /who, scopes: [read]}"
    assert (403, "900910") == refusal(ask(tmp_path, text(KEYS_THEN_PUBLIC, operation=operation)))


def test_the_credential_that_was_judged_does_not_reach_the_endpoint(tmp_path: Path) -> None:
    found = ask(tmp_path, text("[{name: passes, authentication: {pass: {}}}]"), X_Badge="anna", X_Kept="1").json
    assert "x-badge" not in found["headers"]
    assert "x-kept" in found["headers"]


def test_nor_does_a_credential_of_another_plan(tmp_path: Path) -> None:
    plans = "[{name: passes, authentication: {pass: {}}}, {name: keys, authentication: {api-key: {}}}]"
    assert "x-api-key" not in ask(tmp_path, text(plans), X_Badge="anna", X_API_Key="shop-key").json["headers"]
