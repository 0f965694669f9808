import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apim_core.http.target import InvalidTarget, canonical_path, parse_authority, split_target

SEGMENTS = st.sampled_from(
    ["", ".", "..", "a", "%2e", "%2E%2e", "%41", "%7e", "%2f", "%3b", "%3B", ";v=1", "..;x", "é", "%c3%a9", "%C3",
     "%25", "%252f", "[x]", "a|b", "\\", "%5c", "%00", "#", "x y", "...", ".well-known"]
)  # fmt: skip
PATHS = st.one_of(
    st.lists(SEGMENTS, min_size=1, max_size=8).map(lambda segments: "/" + "/".join(segments)),
    st.text(st.sampled_from("/.%;2eEfF5cC0aZ~\\#?é "), max_size=20).map(lambda text: "/" + text),
    st.text(max_size=20).map(lambda text: "/" + text),
)


@pytest.mark.parametrize(
    "path",
    ["/", "/orders/1.0/items/42", "/a;v=1/b", "/a/", "/a%20b", "/%C3%A9", "/...", "/.well-known/x", "/a!$&'()*+,=:@"],
)
def test_a_canonical_path_stays_byte_identical(path):
    assert path == canonical_path(path.encode())


@pytest.mark.parametrize(
    ("path", "canonical"),
    [
        ("/a/./b", "/a/b"),
        ("/a/../b", "/b"),
        ("/a/%2e%2E/b", "/b"),
        ("/a/b/..", "/a/"),
        ("/a/b/.", "/a/b/"),
        ("/a/.%2e", "/"),
        ("//a///b//", "/a/b/"),
        ("/a//../b", "/b"),
        ("/%41%7e%2d%5f%2E", "/A~-_."),
        ("/%c3%a9", "/%C3%A9"),
        ("/é", "/%C3%A9"),
        ("/%252f", "/%252f"),
        ("/a|b[c]^{d}\"<>`", "/a%7Cb%5Bc%5D%5E%7Bd%7D%22%3C%3E%60"),
        ("/a%3b%3Bb", "/a%3B%3Bb"),
    ],
)  # fmt: skip
def test_a_path_is_brought_into_its_canonical_form(path, canonical):
    assert canonical == canonical_path(path.encode())


@pytest.mark.parametrize(
    "path",
    [b"/%2f", b"/%2F", b"/%5c", b"/a\\b", b"/%00", b"/\x00", b"/%0a", b"/%7f", b"/a b", b"/a\tb", b"/a#b", b"/a?b",
     b"/..", b"/a/../../b", b"/%2e%2e/", b"/..;/a", b"/a/.;x=1/b", b"/a/..%3b/b", b"/%", b"/%4", b"/%zz", b"/%u0041",
     b"/%c0%ae", b"/%c0%af", b"/%e0%80%af", b"/%ff", b"/\xff", b"/%ed%a0%80", b"/%c3/%a9", b"", b"a", b"*"],
)  # fmt: skip
def test_a_path_that_is_ambiguous_is_refused(path):
    with pytest.raises(InvalidTarget):
        canonical_path(path)


@given(PATHS)
def test_the_canonical_form_of_a_canonical_path_is_itself(path):
    try:
        canonical = canonical_path(path)
    except InvalidTarget:
        return
    assert canonical == canonical_path(canonical)
    assert canonical == canonical_path(canonical.encode("ascii"))


@given(PATHS)
def test_a_canonical_path_holds_nothing_that_two_parties_could_read_differently(path):
    try:
        segments = canonical_path(path).split("/")
    except InvalidTarget:
        return
    assert segments[0] == ""
    assert not {"", ".", ".."} & set(segments[1:-1])
    assert segments[-1] not in (".", "..")
    assert not set("\\#? \x00") & set("/".join(segments))


@given(st.binary(max_size=40))
def test_no_bytes_make_a_path_crash(raw):
    try:
        canonical_path(raw)
    except InvalidTarget as error:
        assert error.reason  # noqa: PT017  # either outcome is fine


def test_long_hostile_paths_take_linear_time():
    seconds = []
    for path in (
        b"/" + b"./" * 100_000,
        b"/" + b"%2e/" * 50_000,
        b"/" * 200_000,
        b"/a" * 100_000 + b"\\",
        b"/" + b"%" * 200_000,
    ):
        started = time.process_time()
        with contextlib.suppress(InvalidTarget):
            canonical_path(path)
        seconds.append(time.process_time() - started)
    assert max(seconds) < 2


@pytest.mark.parametrize(
    ("target", "parts"),
    [
        (b"/a?b=c", ("/a", "b=c", None)),
        (b"/a?b=c?d", ("/a", "b=c?d", None)),
        (b"/a/../b?../c", ("/b", "../c", None)),
        (b"/a?", ("/a", "", None)),
        (b"/a?b=%2f%zz+\xc3\xa9", ("/a", "b=%2f%zz+%C3%A9", None)),
        (b"/?\"x'<>|", ("/", "\"x'<>|", None)),
        (b"*", ("*", "", None)),
        (b"http://host:80/a?b", ("/a", "b", b"host:80")),
        (b"HTTPS://host", ("/", "", b"host")),
        (b"http://host?b", ("/", "b", b"host")),
    ],
)
def test_a_target_is_split_into_path_query_and_authority(target, parts):
    assert parts == split_target(target)


@pytest.mark.parametrize(
    "target",
    [b"", b"a", b"host:443", b"ftp://h/", b"//h/..;/", b"/a#b", b"/a?b#c", b"/a?b c", b"/a?\x00", b"http:/h", b"**"],
)
def test_a_target_of_no_known_form_is_refused(target):
    with pytest.raises(InvalidTarget):
        split_target(target)


@pytest.mark.parametrize(
    ("raw", "authority"),
    [
        (b"Example.COM", "example.com"),
        (b"example.com.", "example.com"),
        (b"example.com.:8080", "example.com:8080"),
        (b"127.0.0.1:080", "127.0.0.1:80"),
        (b"[2001:DB8::1]:443", "[2001:db8::1]:443"),
        (b"my_service", "my_service"),
        (b"x", "x"),
    ],
)
def test_an_authority_is_lower_case_without_a_last_dot(raw, authority):
    assert authority == parse_authority(raw)


@pytest.mark.parametrize(
    "raw",
    [b"", b":80", b"a b", b"a/b", b"u@host", b"a,b", b"a:b", b"a:0", b"a:65536", b"a:", b"a..b", b"-a", b"a%00b",
     b"a\tb", b"[::1", b"::1", b"[1::2::3]", b"h\xc3\xa9", b"a\r\nb", b"a:80:80", b"a#b", b"a?b", b"." * 3],
)  # fmt: skip
def test_an_authority_that_is_no_host_is_refused(raw):
    with pytest.raises(InvalidTarget):
        parse_authority(raw)
