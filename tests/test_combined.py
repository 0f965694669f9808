"""Several authenticators in one plan: any of them, all of them, and those that may be missing."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest
from apim_sdk import Authenticator, Credential, Endpoint, Exchange, Fault, Principal, Reject, Response, Secret, errors
from support.gateway import configuration, run, serving

from apim_core.config import ConfigErrors


@attrs.frozen
class Badge(Authenticator):
    """A header `X-<word>` with a name, a scope and a kind of key."""

    challenge = "Badge"
    word: str = "badge"
    """What is behind the X-."""

    def find(self, exchange: Exchange) -> Credential | None:
        value = exchange.request.headers.get(f"X-{self.word}")
        return None if value is None else Credential("badge", Secret(value))

    def judge(self, credential: Credential, exchange: Exchange) -> Principal:
        name, *rest = credential.value.reveal().split()
        if name == "forged":
            raise Reject(errors.INVALID_CREDENTIALS)
        if name == "unknowable":
            raise Fault(errors.PLAN_RESOLUTION_FAILURE)
        claims = {self.word: name, "by": self.word}
        key_type = "sandbox" if "sandbox" in rest else "production" if "production" in rest else None
        return Principal(name, frozenset(rest), claims, client_id=name, key_type=key_type)

    def conceal(self, exchange: Exchange) -> None:
        exchange.request.headers.remove(f"X-{self.word}")


@attrs.frozen
class Stamp(Badge):
    """A badge of nobody's application."""

    requires_subscription = False
    challenge = "Stamp"

    async def judge(self, credential: Credential, exchange: Exchange) -> Principal:  # type: ignore[override]
        return attrs.evolve(Badge.judge(self, credential, exchange), client_id=None)


@attrs.frozen
class Scrawl(Stamp):
    """A badge that nobody can read."""

    challenge = None

    word: str = "badge"
    """What is behind the X-."""

    def find(self, exchange: Exchange) -> Credential | None:
        if Badge.find(self, exchange) is not None:
            raise Reject(errors.INVALID_CREDENTIALS)
        return None


@attrs.frozen
class Tell(Endpoint):
    """Says who called and what the backend gets to see."""

    async def send(self, exchange: Exchange) -> Response:
        principal = exchange.principal
        assert principal is not None
        application = exchange.application.name if exchange.application else "-"
        seen = sorted(name for name in exchange.request.headers if name.lower() in ("x-badge", "x-stamp"))
        text = f"{principal.subject} {application} {sorted(principal.scopes)} {dict(principal.claims)} {seen}"
        return Response(200, body=text.encode())


PLUGINS = {"badge": Badge, "stamp": Stamp, "scrawl": Scrawl, "tell": Tell}


def with_plan(authentication: str, key: str = "{client_id: anna}") -> str:
    return f"""
    management: {{enabled: false}}
    apis:
      - name: items
        context: /api
        endpoint: {{tell: {{}}}}
        plans: [{{name: gold, authentication: {authentication}}}]
        operations: [{{match: "GET /x"}}]
    applications:
      - {{name: shop, keys: [{key}, {{client_id: bert}}], subscriptions: [{{api: items, plan: gold}}]}}
      - {{name: other, keys: [{{client_id: eve}}], subscriptions: [{{api: items, plan: gold}}]}}
    """


def asked(
    folder: Path, authentication: str, key: str = "{client_id: anna}", **headers: str
) -> tuple[int, str, str | None]:
    async def scenario() -> tuple[int, str, str | None]:
        async with serving(with_plan(authentication, key), folder, **PLUGINS) as served:
            answer = await served.get("/api/x", **headers)
            text = answer.body.decode() if answer.status == 200 else str(answer.json["code"])
            return answer.status, text, answer.headers.get("WWW-Authenticate")

    result: tuple[int, str, str | None] = run(scenario())
    return result


ANY = "{any: [{badge: {}}, {stamp: {word: stamp}}]}"
ALL = "{all: [{stamp: {word: stamp}}, {badge: {}}]}"
OPTIONAL = "{all: [{badge: {}}, {optional: {stamp: {word: stamp}}}]}"


@pytest.mark.parametrize(
    ("headers", "answer"),
    [
        ({}, (401, "900902", "Badge, Stamp")),
        ({"X_badge": "anna r"}, (200, "anna shop ['r'] {'badge': 'anna', 'by': 'badge'} []", None)),
        ({"X_stamp": "carl w"}, (200, "carl - ['w'] {'stamp': 'carl', 'by': 'stamp'} []", None)),
        ({"X_badge": "forged", "X_stamp": "carl"}, (200, "carl - [] {'stamp': 'carl', 'by': 'stamp'} []", None)),
        ({"X_badge": "nobody"}, (403, "900908", "Badge")),
        ({"X_badge": "forged", "X_stamp": "forged"}, (401, "900901", None)),
    ],
)
def test_any_good_credential_lets_in(
    tmp_path: Path, headers: dict[str, str], answer: tuple[int, str, str | None]
) -> None:
    assert answer == asked(tmp_path, ANY, **headers)


@pytest.mark.parametrize(
    ("headers", "answer"),
    [
        ({}, (401, "900902", "Stamp, Badge")),
        ({"X_badge": "anna"}, (401, "900902", "Stamp")),
        ({"X_stamp": "carl"}, (401, "900902", "Badge")),
        ({"X_badge": "anna", "X_stamp": "forged"}, (401, "900901", None)),
        ({"X_badge": "forged", "X_stamp": "carl"}, (401, "900901", None)),
        (
            {"X_badge": "anna r", "X_stamp": "carl w"},
            (200, "anna shop ['r', 'w'] {'stamp': 'carl', 'by': 'badge', 'badge': 'anna'} []", None),
        ),
        ({"X_badge": "anna", "X_stamp": "unknowable"}, (503, "900900", None)),
        ({"X_badge": "anna sandbox", "X_stamp": "carl production"}, (401, "900901", None)),
    ],
)
def test_all_credentials_must_be_good_where_all_are_wanted(
    tmp_path: Path, headers: dict[str, str], answer: tuple[int, str, str | None]
) -> None:
    status, text, challenge = asked(tmp_path, ALL, **headers)
    assert (answer[0], answer[2]) == (status, challenge)
    assert answer[0] == 503 or answer[1] == text


@pytest.mark.parametrize(
    ("headers", "subject"),
    [
        ({"X_badge": "anna"}, "anna"),
        ({"X_badge": "anna", "X_stamp": "carl"}, "anna"),
        ({"X_badge": "anna", "X_stamp": "forged"}, "anna"),
    ],
)
def test_nothing_is_lost_without_an_optional_credential_or_with_a_bad_one(
    tmp_path: Path, headers: dict[str, str], subject: str
) -> None:
    status, text, _ = asked(tmp_path, OPTIONAL, **headers)
    assert (200, subject) == (status, text.split()[0])
    assert ("'stamp': 'carl'" in text) == (headers.get("X_stamp") == "carl")
    assert text.endswith("[]")


def test_an_optional_credential_alone_is_not_enough(tmp_path: Path) -> None:
    assert (401, "900902", "Badge") == asked(tmp_path, OPTIONAL, X_stamp="carl")


PUBLIC = "}, {name: public, authentication: {keyless: {}}"


@pytest.mark.parametrize("authentication", [ALL, OPTIONAL, "{any: [" + ALL + "]}"], ids=["all", "optional", "nested"])
@pytest.mark.parametrize("value", ["carl", "forged"])
def test_who_presents_a_part_of_the_credentials_is_not_let_in_as_nobody(
    tmp_path: Path, authentication: str, value: str
) -> None:
    assert (401, "900902", "Badge") == asked(tmp_path, authentication + PUBLIC, X_stamp=value)


def test_who_presents_nothing_is_let_in_as_nobody_beside_a_plan_that_wants_several_credentials(tmp_path: Path) -> None:
    assert (200, "anonymous - [] {} []", None) == asked(tmp_path, ALL + PUBLIC)


def test_a_part_of_the_credentials_of_one_plan_does_not_close_another(tmp_path: Path) -> None:
    other = "}, {name: other, authentication: {stamp: {word: stamp}}"
    assert 200 == asked(tmp_path, ALL + other, X_stamp="carl")[0]


def test_a_credential_that_is_refused_while_it_is_looked_for_has_been_presented(tmp_path: Path) -> None:
    assert (401, "900901", None) == asked(tmp_path, "{scrawl: {}}" + PUBLIC, X_badge="anna")
    assert 200 == asked(tmp_path, "{scrawl: {}}" + PUBLIC)[0]


def test_where_what_is_lacking_has_no_challenge_all_are_told(tmp_path: Path) -> None:
    both = "{all: [{badge: {}}, {scrawl: {word: other}}]}"
    assert (401, "900902", "Badge") == asked(tmp_path, both, X_badge="anna")


@pytest.mark.parametrize(("second", "status"), [("bert", 200), ("eve", 401)])
def test_credentials_of_two_applications_do_not_add_up(tmp_path: Path, second: str, status: int) -> None:
    both = "{all: [{badge: {}}, {badge: {word: stamp}}]}"
    assert status == asked(tmp_path, both, X_badge="anna", X_stamp=second)[0]


@pytest.mark.parametrize(
    ("key", "stamp", "status"),
    [
        ("{client_id: anna, expires: 2020-01-01T00:00:00Z}", "carl", 403),
        ("{client_id: anna, type: sandbox}", "carl", 403),
        ("{client_id: anna, type: sandbox}", "carl production", 401),
        ("{client_id: anna, expires: 2120-01-01T00:00:00Z}", "carl production", 200),
    ],
    ids=["a key that is over", "a sandbox key", "a sandbox key beside production", "a key that is good"],
)
def test_a_key_counts_as_where_its_credential_comes_alone(tmp_path: Path, key: str, stamp: str, status: int) -> None:
    assert status == asked(tmp_path, ALL, key=key, X_badge="anna", X_stamp=stamp)[0]


def test_combinations_nest(tmp_path: Path) -> None:
    nested = "{all: [{stamp: {word: stamp}}, {any: [{badge: {}}, {badge: {word: ticket}}]}]}"
    assert 200 == asked(tmp_path, nested, X_stamp="carl", X_badge="anna")[0]
    assert 200 == asked(tmp_path, nested, X_stamp="carl", X_ticket="anna")[0]
    assert 401 == asked(tmp_path, nested, X_badge="anna", X_ticket="anna")[0]


@pytest.mark.parametrize(
    ("authentication", "problem"),
    [
        ("{any: {jwt: {}}}", "`any` takes a list of authenticators"),
        ("{all: []}", "`all` takes a list of authenticators"),
        ("{any: [{keyless: {}}, {api-key: {hedaer: X}}]}", "hedaer"),
        ("{all: [{keyless: {}}, {api-key: {}}]}", "lets everybody in cannot be combined"),
        ("{any: [{aip-key: {}}]}", "did you mean 'api-key'"),
        ("{all: [" + ", ".join(["{any: [{api-key: {}}, {jwt: {key_manager: m}}]}"] * 6) + "]}", "64 alternatives"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_place(tmp_path: Path, authentication: str, problem: str) -> None:
    async def scenario() -> None:
        async with serving(with_plan(authentication), tmp_path, tell=Tell):
            raise AssertionError("it was taken")

    with pytest.raises(ConfigErrors, match=r"apim\.yaml:7") as caught:
        run(scenario())
    assert problem in str(caught.value)


def test_the_places_of_combined_plugins_are_their_own(tmp_path: Path) -> None:
    written = configuration(with_plan("{any: [{api-key: {}}, {api-key: {header: X-Other}}]}"), tmp_path)
    assert "/apis/0/plans/0/authentication/any" == written.apis[0].plans[0].authentication.source.pointer
