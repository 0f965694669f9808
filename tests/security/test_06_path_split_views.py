"""Threat class 6: dot segments, %2e, %2f, //, ;params, #, backslash, overlong UTF-8, NUL.

The path that router, policies and backend get is one and the same; what cannot be made so is refused.
"""

import pytest
from support.wire import serving

from apim_core.http.target import canonical_path


@pytest.fixture(scope="module")
def served():
    with serving() as served:
        yield served


@pytest.mark.parametrize(
    ("target", "path"),
    [
        (b"/public/../admin", "/admin"),
        (b"/public/%2e%2e/admin", "/admin"),
        (b"/public/.%2E/admin", "/admin"),
        (b"/public/./../admin", "/admin"),
        (b"//admin", "/admin"),
        (b"/public//..//admin", "/admin"),
        (b"/%61dmin", "/admin"),
        (b"/admin/", "/admin/"),
        (b"/admin/.", "/admin/"),
        (b"/admin%3b/x", "/admin%3B/x"),
        (b"/admin;x=1/y", "/admin;x=1/y"),
        (b"/admin%20", "/admin%20"),
        (b"/%2561dmin", "/%2561dmin"),
        (b"/%252e%252e/admin", "/%252e%252e/admin"),
        (b"http://a/public/../admin", "/admin"),
        (b"/admin?x=/../y", "/admin"),
    ],
)
def test_the_backend_gets_the_canonical_path(served, target, path):
    served.seen.clear()
    served.exchange(b"GET " + target + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert [path] == [seen.path for seen in served.seen]
    assert path == canonical_path(path)


@pytest.mark.parametrize(
    "target",
    [b"/..", b"/../admin", b"/a/../../admin", b"/%2e%2e/admin", b"/a%2fadmin", b"/a%2Fadmin", b"/..%2fadmin",
     b"/a\\admin", b"/a%5cadmin", b"/..\\admin", b"/..;/admin", b"/public/..;x=y/admin", b"/.;/admin", b"/..%3b/admin",
     b"/%c0%ae%c0%ae/admin", b"/%c0%afadmin", b"/%e0%80%afadmin", b"/%f0%80%80%afadmin", b"/\xc0\xafadmin",
     b"/admin%00", b"/admin%00.png", b"/admin\x00", b"/admin%0d%0aX:y", b"/admin%0a", b"/admin%09", b"/admin%7f",
     b"/admin#x", b"/public#/../admin", b"/admin%", b"/admin%2", b"/admin%g0", b"/admin%u002e", b"\\admin", b"admin",
     b"?x", b"/public/%2e%2e%2fadmin", b"/%ff"],
)  # fmt: skip
def test_a_path_with_two_readings_is_refused(served, target):
    served.seen.clear()
    answer = served.exchange(b"GET " + target + b" HTTP/1.1\r\nHost: a\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert [] == served.seen
