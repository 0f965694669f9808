"""Threat class 7: Host and authority confusion, absolute-form targets, two Hosts."""

import pytest
from support.wire import serving


@pytest.fixture(scope="module")
def served():
    with serving() as served:
        yield served


REFUSED = {
    "no Host": b"GET / HTTP/1.1\r\n\r\n",
    "empty Host": b"GET / HTTP/1.1\r\nHost:\r\n\r\n",
    "two Hosts": b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "the same Host twice": b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
    "two Hosts of different case": b"GET / HTTP/1.1\r\nHost: a\r\nhOST: b\r\n\r\n",
    "two Hosts in HTTP/1.0": b"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n",
    "a list of Hosts": b"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n",
    "a user in Host": b"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n",
    "a path in Host": b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "a URL in Host": b"GET / HTTP/1.1\r\nHost: http://a\r\n\r\n",
    "a query in Host": b"GET / HTTP/1.1\r\nHost: a?b\r\n\r\n",
    "a fragment in Host": b"GET / HTTP/1.1\r\nHost: a#b\r\n\r\n",
    "a backslash in Host": b"GET / HTTP/1.1\r\nHost: a\\b\r\n\r\n",
    "a space in Host": b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
    "a tab in Host": b"GET / HTTP/1.1\r\nHost: a\tb\r\n\r\n",
    "an escape in Host": b"GET / HTTP/1.1\r\nHost: a%2eb\r\n\r\n",
    "Latin-1 in Host": b"GET / HTTP/1.1\r\nHost: a\xe9\r\n\r\n",
    "two ports in Host": b"GET / HTTP/1.1\r\nHost: a:80:81\r\n\r\n",
    "a port that is none": b"GET / HTTP/1.1\r\nHost: a:http\r\n\r\n",
    "a port beyond 65535": b"GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n",
    "an open bracket": b"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n",
    "an absolute target of another host": b"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "an absolute target of another port": b"GET http://a:81/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "an absolute target with a user": b"GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "an absolute target without Host": b"GET http://a/ HTTP/1.1\r\n\r\n",
    "an absolute target of another scheme": b"GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "an absolute target without a host": b"GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n",
    "a target of one slash too few": b"GET http:/a/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "an authority as target": b"GET a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n",
    "an asterisk for GET": b"GET * HTTP/1.1\r\nHost: a\r\n\r\n",
}  # fmt: skip


@pytest.mark.parametrize("attack", REFUSED.values(), ids=REFUSED.keys())
def test_a_request_for_an_unclear_host_never_reaches_the_backend(served, attack):
    served.seen.clear()
    assert served.exchange(attack).startswith(b"HTTP/1.1 400 ")
    assert [] == served.seen


@pytest.mark.parametrize(
    ("line", "host", "expected"),
    [
        (b"GET / HTTP/1.1", b"API.Example", "api.example"),
        (b"GET / HTTP/1.1", b"api.example.", "api.example"),
        (b"GET http://API.example/ HTTP/1.1", b"api.EXAMPLE", "api.example"),
        (b"GET https://a:8443/ HTTP/1.1", b"a:8443", "a:8443"),
        (b"OPTIONS * HTTP/1.1", b"a", "a"),
    ],
)
def test_the_host_has_one_form(served, line, host, expected):
    served.seen.clear()
    served.exchange(line + b"\r\nHost: " + host + b"\r\nConnection: close\r\n\r\n")
    assert [expected] == [seen.host for seen in served.seen]


def test_the_scheme_is_that_of_the_connection(served):
    served.seen.clear()
    served.exchange(b"GET https://a/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert ["http"] == [seen.scheme for seen in served.seen]


def test_an_underscore_alias_of_host_is_refused(served):
    served.seen.clear()
    attack = b"GET / HTTP/1.1\r\nHost: a\r\nX_Forwarded_Host: internal\r\n\r\n"
    assert served.exchange(attack).startswith(b"HTTP/1.1 400 ")
    assert [] == served.seen
