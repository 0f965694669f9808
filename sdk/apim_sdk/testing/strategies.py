"""Hypothesis strategies: requests as a strict HTTP parser would let them through, and ways to split their bodies."""

from __future__ import annotations

import json
import string
from itertools import pairwise

import attrs
from hypothesis import strategies as st

from apim_sdk.exchange import Exchange
from apim_sdk.testing.exchanges import make_exchange

__all__ = [
    "MadeUpRequest",
    "bodies",
    "chunkings",
    "exchanges",
    "header_lists",
    "header_names",
    "header_values",
    "json_bodies",
    "methods",
    "paths",
    "query_strings",
    "requests",
]

_TOKEN = "!#$%&'*+-.^_`|~" + string.digits + string.ascii_letters
_UNRESERVED = string.ascii_letters + string.digits + "-._~"
_SEGMENT = _UNRESERVED + "!$&'()*+,;=:@"
_FRAMING = frozenset({"connection", "content-length", "host", "te", "trailer", "transfer-encoding", "upgrade"})
_KNOWN_NAMES = ("Accept", "Authorization", "Content-Type", "Cookie", "User-Agent", "X-Forwarded-For", "X-Tier")


def methods() -> st.SearchStrategy[str]:
    """Methods (RFC 9110, section 9): mostly the standard ones, sometimes any token."""
    standard = st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
    return standard | st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ-", min_size=1, max_size=12)


def paths() -> st.SearchStrategy[str]:
    """Canonical paths: they begin with a slash and have no dot segments, empty segments or encoded slashes."""
    character = st.sampled_from(_SEGMENT) | st.sampled_from(["%20", "%22", "%C3%A9", "%E2%82%AC", "%7B"])
    segment = st.lists(character, min_size=1, max_size=8).map("".join).filter(lambda text: text not in (".", ".."))
    return st.lists(segment, max_size=5).map(lambda segments: "/" + "/".join(segments))


def query_strings() -> st.SearchStrategy[str]:
    """Query strings, empty ones, repeated names and missing values among them."""
    text = st.text(_UNRESERVED + "+%", max_size=6).map(lambda raw: raw.replace("%", "%25"))
    pair = st.tuples(text, text | st.none()).map(lambda both: both[0] if both[1] is None else f"{both[0]}={both[1]}")
    return st.lists(pair, max_size=4).map("&".join)


def header_names() -> st.SearchStrategy[str]:
    """Field names (RFC 9110, section 5.1), without those that frame a message or belong to the connection."""
    anything = st.text(_TOKEN, min_size=1, max_size=16)
    return (st.sampled_from(_KNOWN_NAMES) | anything).filter(lambda name: name.lower() not in _FRAMING)


def header_values() -> st.SearchStrategy[str]:
    """Field values (RFC 9110, section 5.5): visible ISO-8859-1, inner blanks, empty ones."""
    visible = [chr(code) for code in (*range(0x21, 0x7F), *range(0xA0, 0x100))]
    return (
        st.lists(st.sampled_from(visible) | st.sampled_from(" \t"), max_size=24)
        .map("".join)
        .map(lambda text: text.strip(" \t"))
    )


def header_lists(max_size: int = 8) -> st.SearchStrategy[list[tuple[str, str]]]:
    """Header fields in order; the same name may come again, in other case."""
    repeated = st.tuples(st.sampled_from(["X-Tier", "x-tier", "X-TIER"]), header_values())
    return st.lists(st.tuples(header_names(), header_values()) | repeated, max_size=max_size)


def json_bodies() -> st.SearchStrategy[bytes]:
    """JSON documents (RFC 8259) in UTF-8, some with their characters escaped."""
    leaves = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=12)
    documents = st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    )
    return st.builds(
        lambda document, ascii_only: json.dumps(document, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass"),
        documents,
        st.booleans(),
    )


def bodies(max_size: int = 512) -> st.SearchStrategy[bytes]:
    """Contents: nothing, binary, text of many alphabets, JSON, and XML."""
    text = st.text(max_size=max_size // 4).map(lambda characters: characters.encode("utf-8", "replace"))
    markup = st.text(string.ascii_letters + " &;", max_size=40).map(
        lambda inner: f"<order><note>{inner.replace('&', '&amp;')}</note></order>".encode()
    )
    return st.just(b"") | st.binary(max_size=max_size) | text | json_bodies() | markup


@st.composite
def chunkings(draw: st.DrawFn, content: bytes) -> tuple[bytes, ...]:
    """Ways to split ``content`` into chunks of at least one byte; together they are the content."""
    if not content:
        return ()
    cuts = draw(st.sets(st.integers(1, len(content) - 1), max_size=16)) if len(content) > 1 else set()
    places = [0, *sorted(cuts), len(content)]
    return tuple(content[start:end] for start, end in pairwise(places))


@attrs.frozen
class MadeUpRequest:
    """A request before it is made into a message, so that a test can see it and make it twice."""

    method: str
    path: str
    query_string: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def exchange(self, chunks: tuple[bytes, ...] | None = None) -> Exchange:
        """A new exchange of this request; its body arrives in ``chunks`` where they are given."""
        target = f"{self.path}?{self.query_string}" if self.query_string else self.path
        return make_exchange(f"{self.method} {target}", self.headers, self.body if chunks is None else chunks)


def requests() -> st.SearchStrategy[MadeUpRequest]:
    """Requests of all sorts."""
    return st.builds(MadeUpRequest, methods(), paths(), query_strings(), header_lists().map(tuple), bodies())


def exchanges() -> st.SearchStrategy[Exchange]:
    """Exchanges whose body is all there."""
    return requests().map(MadeUpRequest.exchange)
