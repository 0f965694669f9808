"""What the cache answers, what it asks the backend, and what it keeps."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from apim_sdk import ANONYMOUS, API, Application, Exchange, Fault, Principal, errors
from apim_sdk.testing import Answer, build, make_exchange
from apim_traffic.cache import Cache
from apim_traffic.cache.dates import http_date
from support.caching import Caching, cached, fresh, with_cache

PUBLIC = {"scope": "public"}


def test_a_fresh_answer_is_given_again_with_its_age_and_its_date() -> None:
    async def scenario(caching: Caching) -> None:
        first = await caching.ask()
        caching.context.clock.advance(7.5)
        again = await caching.ask()
        assert first.response is not None
        assert again.response is not None
        assert (200, b"fresh", "7") == (again.status, again.body, again.response.headers["Age"])
        assert first.response.headers["Date"] == again.response.headers["Date"]
        assert (1, 1, 1) == (caching.asked, caching.counted("miss"), caching.counted("hit"))

    with_cache({}, scenario, fresh())


def test_a_stale_answer_is_asked_for_again() -> None:
    async def scenario(caching: Caching) -> list[bytes]:
        bodies = [(await caching.ask()).body]
        caching.context.clock.advance(61)
        return [*bodies, (await caching.ask()).body]

    assert [b"one", b"two"] == with_cache({}, scenario, fresh("one"), fresh("two"))


@pytest.mark.parametrize(
    "other",
    [
        ("GET /y", {}),
        ("GET /x?", {"Host": "other.example"}),
        ("GET /x?a=1", {}),
        ("GET /x", {"Host": "other.example"}),
    ],
)
def test_another_url_is_another_answer(other: tuple[str, dict[str, str]]) -> None:
    assert [False, False] == cached({}, fresh(), ("GET /x", {}), other)


def test_head_is_answered_by_what_get_brought_and_never_the_other_way() -> None:
    assert [False, True] == cached({}, fresh(), ("GET /x", {}), ("HEAD /x", {}))
    assert [False, False] == cached({}, fresh(), ("HEAD /x", {}), ("GET /x", {}))


def test_two_apis_and_two_kinds_of_keys_do_not_share_answers() -> None:
    async def scenario(caching: Caching) -> int:
        for version, key_type in (("1", None), ("2", None), ("1", "sandbox"), ("1", "production")):
            exchange = make_exchange("GET /x", api=API("test", version, "/"))
            exchange.key_type = key_type  # type: ignore[assignment]
            await caching.run(exchange)
        return caching.asked

    assert 4 == with_cache(PUBLIC, scenario, fresh())


def test_an_answer_that_varies_is_kept_for_each_kind_of_request() -> None:
    german, english = {"Accept-Language": "de"}, {"Accept-Language": "en"}

    assert [False, False, True, True, False] == cached(
        {},
        fresh(Vary="Accept-Language"),
        ("GET /x", german),
        ("GET /x", english),
        ("GET /x", german),
        ("GET /x", {"Accept-Language": "EN"}),
        ("GET /x", {}),
    )


def test_headers_and_expressions_can_be_part_of_the_key() -> None:
    settings = {"vary": ["X-Tier"], "key": ['request.headers["x-shop"]']}
    gold, silver = {"X-Tier": "gold", "X-Shop": "1"}, {"X-Tier": "silver", "X-Shop": "1"}

    assert [False, False, True, False] == cached(
        settings, fresh(), ("GET /x", gold), ("GET /x", silver), ("GET /x", gold), ("GET /x", {**gold, "X-Shop": "2"})
    )


def test_where_an_expression_of_the_key_has_an_error_the_cache_is_passed_by() -> None:
    settings = {"key": ['int(request.headers["x-shop"])']}

    assert [False, False] == cached(settings, fresh(), ("GET /x", {}), ("GET /x", {}))


def test_the_client_is_told_that_it_has_the_answer_already() -> None:
    async def scenario(caching: Caching) -> None:
        await caching.ask()
        for headers in (
            {"If-None-Match": '"a", "b"'},
            {"If-None-Match": 'W/"b"'},
            {"If-None-Match": "*"},
            {"If-Modified-Since": http_date(1_600_000_000)},
        ):
            outcome = await caching.ask(headers=headers)
            assert outcome.response is not None
            assert (304, b"", '"b"') == (outcome.status, outcome.body, outcome.response.headers["ETag"])
            assert "Content-Type" not in outcome.response.headers
        for headers in ({"If-None-Match": '"c"'}, {"If-Modified-Since": http_date(1_500_000_000)}):
            assert 200 == (await caching.ask(headers=headers)).status
        assert 1 == caching.asked

    with_cache({}, scenario, fresh(ETag='"b"', Last_Modified=http_date(1_600_000_000), Content_Type="a/b"))


def test_a_stale_answer_is_validated_and_its_fields_updated() -> None:
    async def scenario(caching: Caching) -> None:
        await caching.ask()
        caching.context.clock.advance(61)
        validated = await caching.ask(headers={"If-None-Match": '"other"'})
        assert validated.response is not None
        assert (200, b"one", "2") == (validated.status, validated.body, validated.response.headers["X-Version"])
        asked = caching.backend.received[1].headers
        assert (['"a"'], [http_date(1_600_000_000)]) == (
            list(asked.get_all("If-None-Match")),
            list(asked.get_all("If-Modified-Since")),
        )
        assert not (await caching.ask()).reached_endpoint
        assert (1, 2) == (caching.counted("revalidated"), caching.asked)

    with_cache(
        {},
        scenario,
        fresh("one", ETag='"a"', Last_Modified=http_date(1_600_000_000), X_Version="1"),
        Answer(304, {"ETag": '"a"', "Cache-Control": "max-age=60", "X-Version": "2", "Content-Length": "99"}),
    )


def test_a_304_about_another_representation_makes_the_whole_be_asked_for() -> None:
    async def scenario(caching: Caching) -> None:
        await caching.ask()
        caching.context.clock.advance(61)
        assert (b"two", 3) == ((await caching.ask()).body, caching.asked)
        assert "If-None-Match" not in caching.backend.received[2].headers

    with_cache({}, scenario, fresh("one", ETag='"a"'), Answer(304, {"ETag": '"b"'}), fresh("two", ETag='"b"'))


def test_a_part_is_answered_out_of_the_whole() -> None:
    async def part(caching: Caching, **headers: str) -> tuple[int, bytes, str | None]:
        outcome = await caching.ask(headers={name.replace("_", "-"): value for name, value in headers.items()})
        assert outcome.response is not None
        return outcome.status, outcome.body, outcome.response.headers.get("Content-Range")

    async def scenario(caching: Caching) -> None:
        await caching.ask()
        assert (206, b"01", "bytes 0-1/10") == await part(caching, Range="bytes=0-1")
        assert (206, b"89", "bytes 8-9/10") == await part(caching, Range="bytes=8-")
        assert (206, b"9", "bytes 9-9/10") == await part(caching, Range="bytes=-1")
        assert (206, b"0123456789", "bytes 0-9/10") == await part(caching, Range="bytes=-99")
        assert (416, b"", "bytes */10") == await part(caching, Range="bytes=10-")
        for several in ("bytes=0-1,3-4", "bytes=", "bytes=-", "bytes=3-1", "lines=0-1"):
            assert (200, b"0123456789", None) == await part(caching, Range=several)
        assert 206 == (await part(caching, Range="bytes=0-1", If_Range='"a"'))[0]
        for other in ('W/"a"', '"b"', http_date(1_600_000_000)):
            assert 200 == (await part(caching, Range="bytes=0-1", If_Range=other))[0]
        assert 1 == caching.asked

    with_cache({}, scenario, fresh("0123456789", ETag='"a"'))


def test_a_part_that_the_backend_gives_is_never_taken_for_the_whole() -> None:
    async def scenario(caching: Caching) -> list[bytes]:
        return [(await caching.ask(headers=headers)).body for headers in ({"Range": "bytes=0-1"}, {}, {})]

    part = Answer(206, {"Cache-Control": "max-age=60", "Content-Range": "bytes 0-1/5"}, "fr")
    assert [b"fr", b"fresh", b"fresh"] == with_cache({}, scenario, part, fresh())


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "M-SEARCH"])
def test_an_unsafe_method_that_succeeds_makes_the_cache_forget_the_url_for_everybody(method: str) -> None:
    async def scenario(caching: Caching) -> list[bool]:
        found = []
        for line, who in (("GET", "a"), ("GET", "b"), (method, "a"), ("GET", "a"), ("GET", "b")):
            found.append((await caching.ask(f"{line} /x", principal=who)).reached_endpoint)
        return found

    assert [True] * 5 == with_cache({}, scenario, fresh())


def test_one_that_fails_or_is_safe_does_not() -> None:
    async def scenario(caching: Caching) -> bool:
        for line in ("GET /x", "DELETE /x", "OPTIONS /x"):
            await caching.ask(line)
        return (await caching.ask()).reached_endpoint

    assert not with_cache({}, scenario, fresh(), Answer(404), Answer(204), fresh())


def test_urls_of_the_same_origin_that_the_answer_names_are_forgotten_too() -> None:
    async def scenario(caching: Caching) -> list[bool]:
        for path in ("/x", "/list", "/list?page=2", "/other"):
            await caching.ask(f"GET {path}")
        await caching.ask("POST /orders")
        paths = ("/x", "/list", "/list?page=2", "/other")
        return [(await caching.ask(f"GET {path}")).reached_endpoint for path in paths]

    changed = Answer(201, {"Location": "/x", "Content-Location": "http://localhost/list?page=2"})
    elsewhere = Answer(200, {"Location": "http://elsewhere.example/other"})
    answers = [fresh()] * 4
    assert [True, False, True, False] == with_cache({}, scenario, *answers, changed, fresh())
    assert [False, False, False, False] == with_cache({}, scenario, *answers, elsewhere, fresh())


def test_an_answer_that_was_under_way_when_its_url_was_changed_is_not_kept() -> None:
    async def scenario(caching: Caching) -> list[bytes]:
        asked, go_on = asyncio.Event(), asyncio.Event()

        async def slow(exchange: Exchange) -> Any:
            asked.set()
            await go_on.wait()
            return await caching.backend.send(exchange)

        exchange = make_exchange("GET /x")
        caching.policy.on_request(exchange)
        old = asyncio.create_task(caching.policy.around(exchange, slow))
        await asked.wait()
        await caching.ask("PUT /x")
        go_on.set()
        await (await old).body.read()
        return [(await caching.ask()).body]

    assert [b"new"] == with_cache({}, scenario, Answer(204), fresh("old"), fresh("new"))


def test_what_streams_through_is_kept_when_it_is_whole() -> None:
    async def scenario(caching: Caching) -> tuple[bytes, bytes, int]:
        return (await caching.ask()).body, (await caching.ask()).body, caching.asked

    chunks = Answer(200, {"Cache-Control": "max-age=60"}, [b"ab", b"cd"])
    assert (b"abcd", b"abcd", 1) == with_cache({}, scenario, chunks)


def test_what_breaks_is_left_or_is_too_large_is_not_kept() -> None:
    headers = {"Cache-Control": "max-age=60"}

    async def broken(caching: Caching) -> int:
        with pytest.raises(Exception, match="told to break"):
            await caching.ask()
        return len((await caching.ask()).body) + 10 * caching.asked

    async def left(caching: Caching) -> int:
        exchange = make_exchange("GET /x")
        caching.policy.on_request(exchange)
        (await caching.policy.around(exchange, caching.backend.send)).body.close()
        return len((await caching.ask()).body) + 10 * caching.asked

    async def large(caching: Caching) -> int:
        await caching.ask()
        return len((await caching.ask()).body) + 10 * caching.asked

    chunks = [b"ab", b"cd"]
    assert 24 == with_cache({}, broken, Answer(200, headers, chunks, broken=True), Answer(200, headers, chunks))
    assert 24 == with_cache({}, left, Answer(200, headers, chunks))
    assert 24 == with_cache({"max_object": 3}, large, Answer(200, headers, chunks))
    assert 24 == with_cache({"max_object": 3}, large, Answer(200, headers, b"abcd"))


def test_a_stale_answer_is_given_while_it_is_validated_in_the_background() -> None:
    async def scenario(caching: Caching) -> None:
        await caching.ask()
        caching.context.clock.advance(65)
        answers = [await caching.ask(headers={"Range": "bytes=0-0", "If-None-Match": '"z"'}) for _ in range(3)]
        assert [b"o"] * 3 == [answer.body for answer in answers]
        await caching.settle()
        assert (2, b"two", 3) == (caching.asked, (await caching.ask()).body, caching.counted("stale"))
        asked = caching.backend.received[1].headers
        assert ('"a"', None) == (asked.get("If-None-Match"), asked.get("Range"))
        caching.context.clock.advance(71)
        assert b"two" == (await caching.ask()).body
        assert 3 == caching.asked

    fields = {"Cache-Control": "max-age=60, stale-while-revalidate=10", "ETag": '"a"'}
    with_cache({}, scenario, Answer(200, fields, "one"), Answer(200, fields, "two"))


@pytest.mark.parametrize("failure", [Answer(503, body="no"), Answer(fault=Fault(errors.ENDPOINT_TIMEOUT))])
def test_a_stale_answer_is_given_where_the_backend_fails(failure: Answer) -> None:
    async def scenario(caching: Caching) -> list[int]:
        statuses = [(await caching.ask()).status]
        for seconds in (61, 58, 2):
            caching.context.clock.advance(seconds)
            statuses.append((await caching.ask()).status)
        return statuses

    failed = 503 if failure.fault is None else 504
    assert [200, 200, 200, failed] == with_cache({"stale_if_error": "1m"}, scenario, fresh(), failure)


def test_a_failure_that_is_not_the_backends_is_not_hidden() -> None:
    async def scenario(caching: Caching) -> int:
        await caching.ask()
        caching.context.clock.advance(61)
        return (await caching.ask()).status

    refused = Answer(fault=Fault(errors.API_LIMIT_EXCEEDED))
    assert 429 == with_cache({"stale_if_error": "1m"}, scenario, fresh(), refused)


def test_the_first_asks_and_the_others_get_what_it_brings() -> None:
    async def scenario(caching: Caching) -> None:
        outcomes = await asyncio.gather(*(caching.ask() for _ in range(20)))
        assert {b"abcd"} == {outcome.body for outcome in outcomes}
        assert (1, 19) == (caching.asked, caching.counted("collapsed"))

    with_cache({}, scenario, Answer(200, {"Cache-Control": "max-age=60"}, [b"ab", b"cd"]))


def test_an_answer_that_may_not_be_kept_is_shared_with_nobody() -> None:
    async def scenario(caching: Caching) -> tuple[int, int]:
        await asyncio.gather(*(caching.ask() for _ in range(20)))
        return caching.asked, len({*map(id, caching.backend.received)})

    assert (20, 20) == with_cache({}, scenario, Answer(200, {"Cache-Control": "private, max-age=60"}, "mine"))


def test_who_waits_asks_when_the_one_before_breaks() -> None:
    async def scenario(caching: Caching) -> None:
        outcomes = await asyncio.gather(*(caching.ask() for _ in range(5)), return_exceptions=True)
        bodies = [getattr(outcome, "body", b"broken") for outcome in outcomes]
        assert [b"broken", *[b"abcd"] * 4] == bodies
        assert 2 == caching.asked

    headers = {"Cache-Control": "max-age=60"}
    with_cache({}, scenario, Answer(200, headers, [b"ab"], broken=True), Answer(200, headers, [b"ab", b"cd"]))


def test_who_has_waited_long_enough_asks() -> None:
    async def scenario(caching: Caching) -> int:
        never = asyncio.Event()

        async def hang(exchange: Exchange) -> Any:
            await never.wait()

        exchange = make_exchange("GET /x")
        caching.policy.on_request(exchange)
        hanging = asyncio.create_task(caching.policy.around(exchange, hang))
        await asyncio.sleep(0)
        assert b"fresh" == (await caching.ask()).body
        hanging.cancel()
        return int(caching.counted("collapse-timeout"))

    assert 1 == with_cache({"collapse": "20ms"}, scenario, fresh())


@pytest.mark.parametrize(
    "header", ["If-Match", "If-Unmodified-Since", "Upgrade", "X-HTTP-Method-Override", "X-HTTP-Method"]
)
def test_what_could_change_the_request_behind_the_key_passes_the_cache_by(header: str) -> None:
    assert [False, False] == cached({}, fresh(), ("GET /x", {}), ("GET /x", {header: "x"}))
    assert [False, False] == cached({}, fresh(), ("GET /x", {header: "x"}), ("GET /x", {}))


def test_a_get_with_a_body_passes_the_cache_by() -> None:
    async def scenario(caching: Caching) -> int:
        for _ in range(2):
            await caching.ask(body=b"x")
        await caching.ask()
        return caching.asked

    assert 3 == with_cache({}, scenario, fresh())


DIRECTIVES = {"client_directives": True}


@pytest.mark.parametrize(
    ("said", "answered"),
    [
        ("no-cache", False),
        ("max-age=5", False),
        ("max-age=20", True),
        ("min-fresh=40", True),
        ("min-fresh=55", False),
        ("only-if-cached", True),
        ("no-store", True),
    ],
)
def test_directives_of_requests_count_only_where_they_are_to(said: str, answered: bool) -> None:
    async def scenario(caching: Caching) -> bool:
        await caching.ask()
        caching.context.clock.advance(10)
        return not (await caching.ask(headers={"Cache-Control": said})).reached_endpoint

    assert answered == with_cache(DIRECTIVES, scenario, fresh())
    assert with_cache({}, scenario, fresh())


def test_max_stale_takes_a_stale_answer_unless_the_backend_forbids_it() -> None:
    async def scenario(caching: Caching) -> list[bool]:
        await caching.ask()
        caching.context.clock.advance(70)
        asked = [{"Cache-Control": said} for said in ("max-stale=20", "max-stale=5")]
        return [(await caching.ask(headers=headers)).reached_endpoint for headers in asked]

    strict = Answer(200, {"Cache-Control": "max-age=60, must-revalidate", "ETag": '"a"'})
    assert [False, True] == with_cache(DIRECTIVES, scenario, fresh(ETag='"a"'))
    assert True is with_cache(DIRECTIVES, scenario, strict)[0]


def test_only_if_cached_gets_504_where_there_is_nothing() -> None:
    async def scenario(caching: Caching) -> tuple[int, int]:
        return (await caching.ask(headers={"Cache-Control": "only-if-cached"})).status, caching.asked

    assert (504, 0) == with_cache(DIRECTIVES, scenario, fresh())


def test_no_store_of_a_request_keeps_its_answer_from_the_cache() -> None:
    no_store = {"Cache-Control": "no-store"}

    assert [False, False] == cached(DIRECTIVES, fresh(), ("GET /x", no_store), ("GET /x", {}))


def test_a_header_passes_the_cache_by_or_fills_it_anew_where_there_is_one() -> None:
    async def scenario(caching: Caching) -> list[bytes]:
        said = ({}, {"X-Cache": "bypass"}, {}, {"X-Cache": "REFRESH"}, {}, {"X-Cache": "BY_PASS"})
        bodies = [(await caching.ask(headers=headers)).body for headers in said]
        assert [] == [asked for asked in caching.backend.received if "X-Cache" in asked.headers]
        return bodies

    answers = [fresh(str(number)) for number in range(6)]
    assert [b"0", b"1", b"0", b"2", b"2", b"3"] == with_cache({"bypass_header": "X-Cache"}, scenario, *answers)


def test_a_cookie_of_an_answer_is_refused_removed_or_kept() -> None:
    async def scenario(caching: Caching) -> list[str | None]:
        outcomes = [await caching.ask() for _ in range(2)]
        return [outcome.response and outcome.response.headers.get("Set-Cookie") for outcome in outcomes]

    with_cookie = [fresh(Set_Cookie="a=1"), fresh(Set_Cookie="a=2")]
    assert ["a=1", "a=2"] == with_cache({}, scenario, *with_cookie)
    assert ["a=1", None] == with_cache({"set_cookie": "remove"}, scenario, *with_cookie)
    assert ["a=1", "a=1"] == with_cache({"set_cookie": "keep"}, scenario, *with_cookie)


def test_a_condition_says_which_answers_are_kept() -> None:
    settings = {"condition": 'response.headers["x-keep"] == "yes"', "ttl": "1m"}
    requests = [("GET /x", {})] * 2

    assert [False, True] == cached(settings, Answer(200, {"X-Keep": "yes"}), *requests)
    assert [False, False] == cached(settings, Answer(200, {"X-Keep": "no"}), *requests)
    assert [False, False] == cached(settings, Answer(200), *requests)


@pytest.mark.parametrize("settings", [{"condition": "response.body != ''"}, {"key": ["request.body"]}])
def test_neither_condition_nor_key_can_look_at_a_body(settings: dict[str, Any]) -> None:
    with pytest.raises(Exception, match="cannot look at the body"):
        build(Cache, settings)


def test_tags_stay_with_the_gateway() -> None:
    async def scenario(caching: Caching) -> list[str]:
        found = []
        for line in ("GET /x", "GET /x", "POST /x"):
            outcome = await caching.ask(line)
            assert outcome.response is not None
            found += [name for name in ("Cache-Tag", "Surrogate-Key") if name in outcome.response.headers]
        return found

    assert [] == with_cache({}, scenario, fresh(Cache_Tag="a, b", Surrogate_Key="c d"))


def test_a_header_that_a_later_step_changes_makes_the_answer_that_varies_by_it_nobody_elses() -> None:
    async def scenario(caching: Caching) -> tuple[int, float]:
        for user in ("anna", "otto"):
            exchange = make_exchange("GET /x")
            caching.policy.on_request(exchange)
            exchange.request.headers.set("X-User", user)  # as a later policy would
            await (await caching.policy.around(exchange, caching.backend.send)).body.read()
        return caching.asked, caching.refused("vary on what was changed")

    assert (2, 2) == with_cache({}, scenario, fresh(Vary="X-User"))


def test_a_path_that_a_step_before_has_rewritten_is_part_of_the_key() -> None:
    async def scenario(caching: Caching) -> list[bool]:
        paths = ("/v1/x", "/v2/x", "/v1/x")
        return [(await caching.ask(endpoint_path=path)).reached_endpoint for path in paths]

    assert [True, True, False] == with_cache({}, scenario, fresh())


@pytest.mark.parametrize("attribute", ["endpoint_path", "query_string"])
def test_what_a_later_step_rewrites_is_not_kept(attribute: str) -> None:
    async def scenario(caching: Caching) -> tuple[int, float]:
        for _ in range(2):
            exchange = make_exchange("GET /x")
            caching.policy.on_request(exchange)
            setattr(exchange if attribute == "endpoint_path" else exchange.request, attribute, "/changed")
            await (await caching.policy.around(exchange, caching.backend.send)).body.read()
        return caching.asked, caching.refused("rewritten")

    assert (2, 2) == with_cache({}, scenario, fresh())


SHOP, MARKET = Application("shop", "1"), Application("market", "2")


def who(subject: str, application: Application | None = None, **headers: str) -> Exchange:
    principal = Principal(subject, client_id=None if application is None else application.name)
    return make_exchange("GET /x", headers, principal=principal, application=application)


@pytest.mark.parametrize(
    ("scope", "one", "other", "shared"),
    [
        ("principal", who("anna"), who("anna"), True),
        ("principal", who("anna"), who("otto"), False),
        ("principal", who("anna", SHOP), who("anna", MARKET), False),
        ("principal", who("anna", Authorization="a"), who("anna", Authorization="a"), True),
        ("principal", who("anna", Authorization="a"), who("anna", Authorization="b"), False),
        ("application", who("shop", SHOP), who("shop", SHOP), True),
        ("application", who("shop", SHOP), who("market", MARKET), False),
        ("application", who("anna", SHOP), who("anna", SHOP), False),
        ("public", who("anna"), who("anna"), False),
    ],
)
def test_an_answer_to_a_call_with_credentials_is_for_whom_the_key_holds(
    scope: str, one: Exchange, other: Exchange, shared: bool
) -> None:
    async def scenario(caching: Caching) -> bool:
        await caching.run(one)
        return not (await caching.run(other)).reached_endpoint

    assert shared == with_cache({"scope": scope}, scenario, fresh())


@pytest.mark.parametrize("header", ["Authorization", "Cookie"])
def test_what_an_anonymous_call_carries_for_the_backend_is_a_credential_too(header: str) -> None:
    async def scenario(caching: Caching) -> bool:
        for value in ("a", "b"):
            await caching.ask(headers={header: value}, principal=ANONYMOUS)
        return caching.asked == 2

    for scope in ("public", "application", "principal"):
        assert with_cache({"scope": scope}, scenario, fresh())


def test_a_public_answer_serves_those_with_cookies_and_credentials() -> None:
    requests = [("GET /x", {}), ("GET /x", {"Cookie": "a=b"}), ("GET /x", {"Authorization": "Basic eDp5"})]

    assert [False, True, True] == cached(PUBLIC, fresh(), *requests)
    answer = Answer(200, {"Cache-Control": "public, max-age=60"})
    assert [False, True, True] == cached(PUBLIC, answer, *reversed(requests))


def test_headers_that_are_in_no_key_are_kept_from_the_backend_where_that_is_wished() -> None:
    async def scenario(caching: Caching) -> list[str]:
        await caching.ask(headers={"X-Reflected": "evil", "X-Tier": "gold", "Accept": "a/b", "Host": "h"})
        return list(caching.backend.received[0].headers)

    assert ["x-tier", "accept", "host"] == with_cache({"unkeyed": "remove", "vary": ["X-Tier"]}, scenario, fresh())


def test_the_least_used_leave_first_and_are_counted() -> None:
    async def scenario(caching: Caching) -> None:
        for number in range(40):
            await caching.ask(f"GET /{number}")
            await caching.ask("GET /0")
        evicted = caching.context.metrics.counters["apim_cache_evictions_total", caching.context.place]
        assert 0 < evicted < 40
        reached = [(await caching.ask(f"GET /{number}")).reached_endpoint for number in (0, 39, 1)]
        assert [False, False, True] == reached

    with_cache({"max_size": "256KiB"}, scenario, fresh("x" * 10_000))
