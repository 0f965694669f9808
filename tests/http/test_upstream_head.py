from ipaddress import IPv4Address

import pytest
from apim_sdk import Headers, Request
from apim_sdk.fields import Secret
from apim_sdk.identity import Client
from hypothesis import given
from hypothesis import strategies as st

from apim_core.http.known import KnownBut, KnownHeaders
from apim_core.http.upstream_head import RequestHead, upgrade_of
from apim_core.http.upstream_settings import Origin, UpstreamProxy, UpstreamSettings

ORIGIN = Origin("http", "backend.example", 9000)


def head(request, target="/", *, origin=ORIGIN, client=None, length=0, upgrade=False, **settings):
    return RequestHead(origin, UpstreamSettings(**settings), "apim").write(request, target, client, length, upgrade)


def lines(*arguments, **options):
    text = head(*arguments, **options)
    assert text.endswith(b"\r\n\r\n")
    return text[:-4].decode("latin-1").split("\r\n")


def request(method="GET", *fields):
    return Request(method, "/", headers=Headers([("Host", "api.example"), *fields]), host="api.example")


def test_the_request_line_host_and_via_frame_the_fields():
    assert [
        "GET /a?b HTTP/1.1",
        "Host: backend.example:9000",
        "x-lower: 1",
        "X-UPPER: 2",
        "x-lower: 3",
        "Via: 1.1 apim",
    ] == lines(request("GET", ("x-lower", "1"), ("X-UPPER", "2"), ("x-lower", "3")), "/a?b")


def test_a_request_without_fields_is_well_formed():
    assert ["GET / HTTP/1.1", "Host: backend.example:9000", "Via: 1.1 apim"] == lines(Request())


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        (Origin("http", "backend.example", 80), "backend.example"),
        (Origin("https", "backend.example", 443), "backend.example"),
        (Origin("https", "backend.example", 80), "backend.example:80"),
        (Origin("http", "2001:db8::1", 8080), "[2001:db8::1]:8080"),
    ],
)
def test_host_is_the_authority_of_the_origin(origin, host):
    assert f"Host: {host}" in lines(request(), origin=origin)


def test_the_host_of_the_client_is_kept_on_demand():
    assert ["Host: api.example"] == [one for one in lines(request(), preserve_host=True) if one.startswith("Host")]


def test_a_kept_host_cannot_hold_another_line():
    sneaky = request()
    sneaky.host = "api.example\r\nX-Sneaky: 1"

    with pytest.raises(ValueError, match="is not a host"):
        head(sneaky, preserve_host=True)


@pytest.mark.parametrize(
    ("method", "length", "framing"),
    [
        ("GET", 0, None),
        ("DELETE", 0, None),
        ("POST", 0, "Content-Length: 0"),
        ("PUT", 0, "Content-Length: 0"),
        ("PATCH", 0, "Content-Length: 0"),
        ("GET", 7, "Content-Length: 7"),
        ("POST", None, "Transfer-Encoding: chunked"),
    ],
)
def test_framing_follows_the_body(method, length, framing):
    found = [one for one in lines(request(method), length=length) if one.startswith(("Content-", "Transfer-"))]

    assert ([framing] if framing else []) == found


def test_framing_of_the_client_is_replaced():
    came = request("POST", ("Content-Length", "99"), ("Transfer-Encoding", "chunked"), ("X-A", "1"))

    assert [
        "POST / HTTP/1.1",
        "Host: backend.example:9000",
        "Content-Length: 5",
        "X-A: 1",
        "Via: 1.1 apim",
    ] == lines(came, length=5)


@pytest.mark.parametrize(
    "field",
    ["Connection", "Keep-Alive", "Proxy-Authorization", "Proxy-Connection", "TE", "Trailer", "Upgrade", "Expect"],
)
def test_fields_for_one_connection_stay_behind(field):
    assert not any(one.startswith(field) for one in lines(request("GET", (field, "x"))))


def test_fields_that_connection_lists_stay_behind():
    found = lines(request("GET", ("Connection", "close, X-Hop"), ("X-Hop", "1"), ("X-A", "1")))

    assert ["X-A: 1", "Via: 1.1 apim"] == found[2:]


def test_the_client_is_named_and_what_it_said_of_itself_is_not():
    came = request("GET", ("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Proto", "https"))

    assert ["X-Forwarded-For: 192.0.2.7", "X-Forwarded-Proto: http", "X-Forwarded-Host: api.example"] == [
        one for one in lines(came, client=Client(IPv4Address("192.0.2.7"))) if one.startswith("X-")
    ]


def test_a_via_of_others_comes_before_ours():
    assert ["Via: 1.0 first", "Via: 1.1 apim"] == lines(request("GET", ("Via", "1.0 first")))[2:]


def test_writing_leaves_the_request_as_it_was():
    came = request("POST", ("Connection", "X-Hop"), ("X-Hop", "1"), ("Content-Length", "3"))
    before = list(came.headers.items())
    head(came, length=3)

    assert before == list(came.headers.items())


@pytest.mark.parametrize("target", ["", "/a b", "/a\r\nX: y", "/é", "/a\0", "/a\x7f"])
def test_a_target_that_would_leave_its_place_is_refused(target):
    with pytest.raises(ValueError, match="is not a request target"):
        head(request(), target)


@pytest.mark.parametrize("method", ["", "GET /x HTTP/1.1\r\n", "G T", "GÉT"])
def test_a_method_that_would_leave_its_place_is_refused(method):
    with pytest.raises(ValueError, match="is not a method"):
        head(request(method))


def test_through_a_proxy_the_target_is_absolute_and_the_proxy_authorized():
    proxy = UpstreamProxy("proxy.example", 3128, "user", Secret("pass"))

    assert [
        "GET http://backend.example:9000/a HTTP/1.1",
        "Host: backend.example:9000",
        "Proxy-Authorization: Basic dXNlcjpwYXNz",
        "Via: 1.1 apim",
    ] == lines(request(), "/a", proxy=proxy)


def test_a_tls_origin_never_sees_the_credentials_of_the_proxy():
    proxy = UpstreamProxy("proxy.example", 3128, "user", Secret("pass"))
    found = lines(request(), "/a", origin=Origin("https", "backend.example", 443), proxy=proxy)

    assert ["GET /a HTTP/1.1", "Host: backend.example", "Via: 1.1 apim"] == found


@pytest.mark.parametrize(
    ("method", "fields", "upgrade"),
    [
        ("GET", [("Upgrade", "websocket"), ("Connection", "keep-alive, Upgrade")], True),
        ("GET", [("Upgrade", "WebSocket")], True),
        ("GET", [("Upgrade", "h2c")], False),
        ("GET", [("Upgrade", "websocket, h2c")], False),
        ("GET", [("Upgrade", "websocket"), ("Upgrade", "h2c")], False),
        ("POST", [("Upgrade", "websocket")], False),
        ("GET", [("Connection", "Upgrade")], False),
    ],
)
def test_only_websocket_is_asked_for(method, fields, upgrade):
    assert upgrade == upgrade_of(request(method, *fields))


def test_a_websocket_handshake_is_passed_on():
    came = request("GET", ("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Key", "x"))

    assert ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: x"] == lines(came, upgrade=True)[2:5]


NAMES = st.sampled_from(["Host", "X-A", "Connection", "Content-Length", "Upgrade", "x-forwarded-for", "TE", "Via"])
VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12)


@given(st.lists(st.tuples(NAMES, VALUES), max_size=8), st.none() | st.integers(0, 9))
def test_there_is_always_one_host_and_one_framing(fields, length):
    came = Request("POST", "/", headers=Headers(fields))
    names = [line.partition(":")[0].lower() for line in lines(came, length=length)[1:]]

    assert 1 == names.count("host")
    assert 1 == names.count("content-length") + names.count("transfer-encoding")
    assert not {"connection", "upgrade", "te"}.intersection(names)


def test_fields_that_came_before_are_written_the_same_until_something_they_depend_on_differs():
    def asked(**settings):
        return Request("GET", "/", headers=known.share(), **{"host": "api.example", **settings})

    known = KnownHeaders.of(Headers([("Host", "api.example"), ("A", "1")]))
    client = Client(IPv4Address("192.0.2.1"), 1, IPv4Address("192.0.2.1"))
    other = Client(IPv4Address("192.0.2.2"), 1, IPv4Address("192.0.2.2"))
    first, second = (RequestHead(ORIGIN, UpstreamSettings(), via) for via in ("first", "second"))
    changed = asked()
    changed.headers["A"] = "2"

    for writer, request, whom in (
        (first, asked(), client),
        (first, asked(), client),
        (first, asked(), other),
        (first, asked(host="other.example"), other),
        (first, asked(scheme="https"), other),
        (second, asked(), other),
        (second, asked(), None),
        (second, changed, None),
    ):
        fresh = Request("GET", "/", headers=request.headers.copy(), host=request.host, scheme=request.scheme)
        assert writer.write(fresh, "/a", whom, 0, False) == writer.write(request, "/a", whom, 0, False)


def test_fields_that_came_before_but_for_a_token_are_written_as_if_it_had_not_been_there():
    known = KnownBut(KnownHeaders.of(Headers([("Host", "a"), ("Authorization", "0"), ("B", "1")])), b"authorization")
    writer = RequestHead(ORIGIN, UpstreamSettings(), "via")
    bare = Request("GET", "/", headers=Headers([("Host", "a"), ("B", "1")]), host="a")
    whole = Request("GET", "/", headers=Headers([("Host", "a"), ("Authorization", "2"), ("B", "1")]), host="a")

    for _ in range(2):
        kept = Request("GET", "/", headers=known.with_value(b"2"), host="a")
        assert writer.write(whole, "/", None, 0, False) == writer.write(kept, "/", None, 0, False)
        removed = Request("GET", "/", headers=known.with_value(b"2"), host="a")
        removed.headers.discard(b"authorization")
        assert writer.write(bare, "/", None, 0, False) == writer.write(removed, "/", None, 0, False)
        changed = Request("GET", "/", headers=known.with_value(b"2"), host="a")
        changed.headers["B"] = "3"
        changed.headers.discard(b"authorization")
        assert b"\r\nB: 3\r\n" in writer.write(changed, "/", None, 0, False)
        assert b"Authorization" not in writer.write(changed, "/", None, 0, False)


def test_a_field_that_is_not_there_once_is_none_to_vary():
    for fields in ([("A", "1")], [("B", "1"), ("b", "2")]):
        with pytest.raises(LookupError):
            KnownBut(KnownHeaders.of(Headers(fields)), b"b")
