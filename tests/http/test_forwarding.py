import asyncio
from ipaddress import ip_address, ip_network

import pytest
from apim_sdk import Client, Headers, Request
from hypothesis import given
from hypothesis import strategies as st
from support.wire import drive, in_memory

from apim_core.http.forwarding import PROXY_FIELDS, forwarding_fields, remove_hop_by_hop
from apim_core.http.settings import LimitSettings, ServerSettings

PROXY = "10.0.0.1"


def settings(**changes):
    return ServerSettings(trusted_proxies=(ip_network("10.0.0.0/8"), ip_network("fd00::/8")), name="test", **changes)


def seen_from(peer, *fields, changes=None):
    """What the handler sees of a GET with some fields from a peer; the answer's bytes if it sees nothing."""

    async def run():
        async with in_memory(settings(**changes or {}), None, (peer, 40000)) as session:
            lines = "".join(f"{field}\r\n" for field in fields)
            await session.feed(f"GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n".encode("latin-1"))
            return session.outcome.seen[0] if session.outcome.seen else session.outcome.output

    return asyncio.run(run())


@pytest.mark.parametrize("name", sorted(name.decode() for name in PROXY_FIELDS))
def test_what_only_proxies_may_say_is_removed_from_other_clients(name):
    seen = seen_from("192.0.2.1", f"{name.title()}: 10.9.9.9", "X-Other: kept")
    assert (("Host", "a"), ("X-Other", "kept")) == seen.headers
    assert ip_address("192.0.2.1") == seen.client.address
    assert not seen.client.trusted


@pytest.mark.parametrize(
    ("fields", "address"),
    [
        (["X-Forwarded-For: 192.0.2.7"], "192.0.2.7"),
        (["X-Forwarded-For: 192.0.2.7, 10.1.1.1"], "192.0.2.7"),
        (["X-Forwarded-For: 6.6.6.6, 192.0.2.7, 10.1.1.1"], "192.0.2.7"),
        (["X-Forwarded-For: 6.6.6.6", "X-Forwarded-For: 192.0.2.7"], "192.0.2.7"),
        (["X-Forwarded-For: 192.0.2.7,,"], PROXY),
        (["X-Forwarded-For: 10.3.3.3, 10.1.1.1"], "10.3.3.3"),
        (["X-Forwarded-For: 6.6.6.6, garbage, 10.1.1.1"], "10.1.1.1"),
        (["X-Forwarded-For: unknown"], PROXY),
        (["X-Forwarded-For: 192.0.2.7:5000"], "192.0.2.7"),
        (["X-Forwarded-For: [2001:db8::1]:5000"], "2001:db8::1"),
        (["X-Forwarded-For: 2001:db8::1"], "2001:db8::1"),
        (["X-Forwarded-For: ::ffff:192.0.2.7"], "192.0.2.7"),
        (["X-Forwarded-For: 192.0.2.256"], PROXY),
        (["X-Forwarded-For: " + "6.6.6.6, " * 100 + "10.2.2.2"], "6.6.6.6"),
        (["Forwarded: for=192.0.2.7"], PROXY),
        ([], PROXY),
    ],
)
def test_the_client_is_the_right_most_hop_that_is_no_trusted_proxy(fields, address):
    seen = seen_from(PROXY, *fields)
    assert (ip_address(address), ip_address(PROXY)) == (seen.client.address, seen.client.peer)
    assert seen.client.trusted


@pytest.mark.parametrize(
    ("fields", "address", "scheme"),
    [
        (['Forwarded: for="[2001:db8::1]:4711";proto=HTTPS, for=10.1.1.1;proto=https'], "2001:db8::1", "https"),
        (["Forwarded: For=192.0.2.7; By=10.0.0.1"], "192.0.2.7", "http"),
        (["Forwarded: For=192.0.2.7;By=10.0.0.1;proto=ftp"], "192.0.2.7", "http"),
        (["Forwarded: for=6.6.6.6", "Forwarded: for=192.0.2.7"], "192.0.2.7", "http"),
        (['Forwarded: for=192.0.2.7;host="a,b"'], "192.0.2.7", "http"),
        (["Forwarded: for=_hidden, for=10.1.1.1"], "10.1.1.1", "http"),
        (["Forwarded: proto=https"], PROXY, "https"),
        (["Forwarded: ;;;="], PROXY, "http"),
        (["X-Forwarded-For: 6.6.6.6", "X-Forwarded-Proto: https"], PROXY, "http"),
    ],
)
def test_the_standard_header_is_believed_where_it_is_configured(fields, address, scheme):
    seen = seen_from(PROXY, *fields, changes={"forwarding_header": "Forwarded"})
    assert (ip_address(address), scheme) == (seen.client.address, seen.scheme)


@pytest.mark.parametrize(
    ("values", "scheme"),
    [(["https"], "https"), (["HTTPS"], "https"), (["http, https"], "https"), (["http", "https"], "https"),
     (["javascript"], "http"), ([""], "http")],
)  # fmt: skip
def test_a_trusted_proxy_says_which_scheme_its_client_used(values, scheme):
    fields = [f"X-Forwarded-Proto: {value}" for value in values]
    assert scheme == seen_from(PROXY, *fields).scheme
    assert "http" == seen_from("192.0.2.1", *fields).scheme


def test_the_family_that_the_proxies_do_not_write_is_removed():
    seen = seen_from(PROXY, "Forwarded: for=6.6.6.6", "X-Forwarded-For: 192.0.2.7", "X-Real-IP: 192.0.2.7")
    assert ["Host", "X-Forwarded-For", "X-Real-IP"] == [name for name, _ in seen.headers]


@pytest.mark.parametrize("peer", [PROXY, "192.0.2.1"])
def test_headers_about_the_caller_are_removed_whoever_sends_them(peer):
    seen = seen_from(
        peer, "x-jwt-assertion: forged", "X-User: forged", changes={"guarded_headers": ("X-JWT-Assertion", "X-User")}
    )
    assert (("Host", "a"),) == seen.headers


@pytest.mark.parametrize(
    "name",
    [
        "X_Forwarded_For",
        "x-forwarded_for",
        "X_Real-IP",
        "X_JWT_Assertion",
        "Content_Length",
        "Transfer_Encoding",
        "Proxy_Connection",
    ],
)
@pytest.mark.parametrize("peer", [PROXY, "192.0.2.1"])
def test_names_that_a_backend_may_take_for_guarded_ones_are_refused(name, peer):
    assert seen_from(peer, f"{name}: 1").startswith(b"HTTP/1.1 400 ")


def test_other_names_with_underscores_pass():
    assert "y" == seen_from(PROXY, "my_header: y").header("my_header")


@pytest.mark.parametrize(
    "fields",
    [
        ["Connection: close, X-Secret", "X-Secret: 1"],
        ["Connection: X-Secret", "Connection: x-other", "x-SECRET: 1", "X-Other: 2"],
        ["Keep-Alive: timeout=5"],
        ["Proxy-Connection: keep-alive"],
        ["Proxy-Authorization: Basic eDp5"],
        ["TE: trailers", "Connection: TE"],
        ["Trailer: X"],
        ["Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA", "Connection: Upgrade, HTTP2-Settings"],
        ["Upgrade: foo/2"],
        ["Upgrade: websocket"],
    ],
)
def test_fields_of_this_hop_are_removed(fields):
    assert (("Host", "a"),) == seen_from("192.0.2.1", *fields).headers


@pytest.mark.parametrize("name", ["Host", "Authorization", "Content-Length", "X-Forwarded-For", "Cookie"])
def test_connection_cannot_remove_what_everybody_must_see(name):
    fields = [] if name == "Host" else [f"{name}: 0"]
    seen = seen_from(PROXY, f"Connection: {name}", *fields)
    assert seen.header(name) is not None


def test_a_websocket_handshake_keeps_its_upgrade():
    seen = seen_from("192.0.2.1", "Connection: Upgrade, X-Secret", "Upgrade: websocket", "X-Secret: 1")
    assert (("Host", "a"), ("Upgrade", "websocket")) == seen.headers


@pytest.mark.parametrize(
    ("values", "refused"),
    [
        (["1.1 test"], True),
        (["1.0 fred, 1.1 TEST (Apache)"], True),
        (["1.0 fred", "HTTP/1.1 test"], True),
        (["1.1 testing, 1.1 a.test"], False),
        (["1.1 " + ", 1.1 ".join(f"p{number}" for number in range(16))], False),
        (["1.1 " + ", 1.1 ".join(f"p{number}" for number in range(17))], True),
        ([",,,"], False),
    ],
)
def test_a_request_that_has_been_here_before_is_refused(values, refused):
    outcome = seen_from("192.0.2.1", *[f"Via: {value}" for value in values])
    assert refused == (isinstance(outcome, bytes) and outcome.startswith(b"HTTP/1.1 508 "))


def test_gateways_without_a_name_do_not_take_each_other_for_themselves():
    from apim_core.http.server import Server

    assert Server(None, ServerSettings(), refuse=None).name != Server(None, ServerSettings(), refuse=None).name


def test_the_number_of_hops_can_be_set():
    outcome = seen_from(PROXY, "Via: 1.1 a, 1.1 b, 1.1 c", changes={"limits": LimitSettings(hops=2)})
    assert outcome.startswith(b"HTTP/1.1 508 ")


@pytest.mark.parametrize(
    ("trusted", "fields", "expected"),
    [
        (False, [], "192.0.2.9"),
        (False, [("X-Forwarded-For", "6.6.6.6")], "192.0.2.9"),
        (True, [], "192.0.2.9"),
        (True, [("X-Forwarded-For", "192.0.2.1, 10.1.1.1")], "192.0.2.1, 10.1.1.1, 192.0.2.9"),
        (True, [("X-Forwarded-For", "192.0.2.1"), ("X-Forwarded-For", "10.1.1.1")], "192.0.2.1, 10.1.1.1, 192.0.2.9"),
    ],
)
def test_the_backend_is_told_the_way_that_a_request_came(trusted, fields, expected):
    request = Request("GET", "/", "", Headers(fields), host="api.example", scheme="https")
    client = Client(ip_address("192.0.2.1"), 5, ip_address("192.0.2.9"), trusted)
    assert [
        b"",
        b"X-Forwarded-For: " + expected.encode(),
        b"X-Forwarded-Proto: https",
        b"X-Forwarded-Host: api.example",
    ] == (forwarding_fields(request, client).split(b"\r\n"))


def test_hop_by_hop_fields_of_an_answer_are_removed():
    headers = Headers([("Connection", "X-Hop"), ("X-Hop", "1"), ("Keep-Alive", "1"), ("Content-Type", "a")])
    remove_hop_by_hop(headers)
    assert [("Content-Type", "a")] == list(headers.items())


@given(
    st.lists(
        st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=30), max_size=4
    )
)
def test_no_forwarding_header_crashes_the_server(values):
    for name in ("X-Forwarded-For", "Forwarded"):
        seen = seen_from(PROXY, *[f"{name}: {value}" for value in values], changes={"forwarding_header": name})
        assert seen.client.peer == ip_address(PROXY)


def test_a_spoofed_header_does_not_survive_beside_a_body():
    raw = b"POST / HTTP/1.1\r\nHost: a\r\nX-Real-IP: 6.6.6.6\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
    (seen,) = drive([raw]).seen
    assert ((("Host", "a"),), b"hi") == (seen.headers, seen.body)
