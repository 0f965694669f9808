"""Requests that other servers' suites collected: what a strict server must refuse is refused, what is valid is served.

The tables say, case by case, where this server differs from the verdict of the suite, and why.
"""

import base64
import json
import re
from pathlib import Path

import pytest
from support.wire import drive

FOLDER = Path(__file__).resolve().parents[2] / "../shared/conformance/http-request-parsing"
NO_DATA = "the conformance data is not beside this checkout"


def load(name):
    path = FOLDER / name
    return json.loads(path.read_text()) if path.exists() else []


GUNICORN = load("gunicorn-requests.json")

# What gunicorn refuses and this server serves.
SERVED = {
    "invalid/006": "a request line of 4 KiB: the limit here is 8 KiB",
    "invalid/007": "a header of 8 KiB: the limit here is 16 KiB",
    "invalid/008": "a header of 8 KiB: the limit here is 16 KiB",
    "invalid/041": "two Content-Type fields: they frame nothing, and go to the backend as they are",
    "invalid/limit_header_default_01": "a header of 8 KiB: the limit here is 16 KiB",
    "invalid/rfc9110_field_value_ctl_bel_01": "the case holds a backslash and x07 as text, no control character",
    "invalid/rfc9110_field_value_ctl_del_01": "the case holds a backslash and x7f as text, no control character",
}

# What gunicorn accepts and this server refuses.
NO_HOST = "HTTP/1.1 without Host: a server MUST refuse it (RFC 9112, section 3.2)"
CODING = "a transfer coding beside chunked: 501, as none is understood (RFC 9112, section 6.1)"
CONNECT = "CONNECT: 501, a gateway opens no tunnels to hosts of the client's choice"
REFUSED = {
    "valid/002": "the host 0.0.0.0=5000 is no name and no address",
    "valid/003": "the host 0.0.0.0=5000 is no name and no address",
    "valid/004": NO_HOST,
    "valid/007": NO_HOST,
    "valid/009": "both Transfer-Encoding and Content-Length: ambiguous framing",
    "valid/010": NO_HOST,
    "valid/013": NO_HOST,
    "valid/014": NO_HOST,
    "valid/018": NO_HOST,
    "valid/021": NO_HOST,
    "valid/023": NO_HOST,
    "valid/025": CODING,
    "valid/025_line": CODING,
    "valid/027": "raw bytes above 127 in the target: a client must escape them (RFC 3986, section 2)",
    "valid/030": CODING,
    "valid/031compat": "needs gunicorn's setting for methods that nobody knows",
    "valid/040": "a name that only its underscore tells from Transfer-Encoding, which backends may not tell",
    "valid/040_compat": "needs gunicorn's setting for dangerous names",
    "valid/099": "the body is shorter than its Content-Length: nothing to answer yet",
    "valid/compat_obs_fold": "needs gunicorn's setting for folded headers",
    "valid/compat_obs_fold_huge": "needs gunicorn's setting for folded headers",
    "valid/pp_02": "a PROXY header from a peer that is not configured to send one",
    "valid/pp_04": "a PROXY header from a peer that is not configured to send one",
    "valid/pp_05": "a PROXY header from a peer that is not configured to send one",
    "valid/rfc9112_smuggle_gzip_chunked_01": CODING,
    "valid/rfc9112_smuggle_te_identity_chunked_01": CODING,
    "valid/rfc9112_target_authority_connect_01": CONNECT,
    "valid/rfc9112_target_authority_ipv6_01": CONNECT,
}  # fmt: skip

# Bytes that end before the request does: the time-out for its head or body answers 408.
UNFINISHED = {
    "valid/099",
    "invalid/rfc9112_chunked_missing_final_crlf_01",
    "test/request/content-length.md#19",
    "test/request/content-length.md#26",
    "test/request/content-length.md#32",
    "test/request/transfer-encoding.md#120",
    "test/request/transfer-encoding.md#126",
    "test/request/finish.md#37",
}


def is_served(outcome):
    """Whether every request in some bytes was taken and answered."""
    whole = all(seen.body is not None for seen in outcome.seen)
    return bool(outcome.statuses) and max(outcome.statuses) < 400 and whole


@pytest.mark.skipif(not GUNICORN, reason=NO_DATA)
@pytest.mark.parametrize("case", GUNICORN, ids=lambda case: case["id"])
def test_the_requests_of_gunicorns_suite_are_judged_strictly(case):
    outcome = drive([base64.b64decode(case["raw_base64"])])
    expected = case["accept"] if case["id"] not in {**SERVED, **REFUSED} else case["id"] in SERVED
    assert expected == is_served(outcome), outcome.output
    if not expected:
        assert outcome.closed or case["id"] in UNFINISHED


@pytest.mark.skipif(not GUNICORN, reason=NO_DATA)
def test_no_explanation_is_out_of_date():
    verdicts = {case["id"]: case["accept"] for case in GUNICORN}
    assert dict.fromkeys(SERVED, False) | dict.fromkeys(REFUSED, True) == {
        name: verdicts[name] for name in [*SERVED, *REFUSED]
    }


LLHTTP = [case for case in load("llhttp-cases.json") if "request" in case["meta"].get("type", "")]

FOR_LENIENT_PARSERS = "valid for llhttp's lenient flags only"
LLHTTP_REFUSED = {
    "test/request/method.md#76": "M-SEARCH for the target *: only OPTIONS takes that",
    "test/request/method.md#84": "RTSP, not HTTP",
    "test/request/method.md#85": "RTSP, not HTTP",
    "test/request/uri.md#160": "user and password in the target (RFC 9110, section 4.2.4)",
    "test/request/sample.md#104": "the host 0.0.0.0=5000 is no name and no address",
    "test/request/sample.md#111": "HTTP/0.9 has no place in front of policies",
}
LLHTTP_SERVED = {
    "test/request/connection.md#2": "a second request after HTTP/1.0's end: the first is served, the second never read",
    "test/request/connection.md#9": "llhttp pauses for the upgrade; the handshake itself is served as a request",
    "test/request/connection.md#14": "llhttp pauses for the upgrade; here it is ignored, and the connection closed",
    "test/request/connection.md#15": "llhttp pauses for the upgrade; the handshake itself is served as a request",
    "test/request/connection.md#16": "llhttp pauses for the upgrade; here it is ignored, and the connection closed",
}


def bytes_of(case):
    """The bytes of a case, as llhttp's own runner makes them: lines end with CRLF, escapes are read.

    Host is added where it is missing, since llhttp leaves it to its user and nearly no case has one.
    """
    text = case["input"].removesuffix("\n").replace("\n", "\r\n").replace("\\\r\n", "")
    for escape, character in (("\\r", "\r"), ("\\n", "\n"), ("\\t", "\t"), ("\\f", "\f")):
        text = text.replace(escape, character)
    text = re.sub(r"\\x([0-9A-Fa-f]{2})", lambda match: chr(int(match[1], 16)), text)
    raw = text.encode("utf-8" if max(text) > "\xff" else "latin-1")
    if b"\nhost:" not in raw.lower():
        target = re.match(rb"\S+ https?://(?:[^@/?]*@)?([^/?]+)", raw)
        raw = raw.replace(b" HTTP/1.1\r\n", b" HTTP/1.1\r\nHost: %b\r\n" % (target[1] if target else b"a"))
    return raw


def llhttp_accepts(case):
    return "error code=" not in case["log"] and "message complete" in case["log"]


@pytest.mark.skipif(not LLHTTP, reason=NO_DATA)
@pytest.mark.parametrize("case", LLHTTP, ids=lambda case: case["id"])
def test_the_requests_of_llhttps_suite_are_judged_strictly(case):
    kind = case["meta"]["type"]
    outcome = drive([bytes_of(case)])
    if case["id"] in LLHTTP_SERVED:
        assert is_served(outcome)
        assert outcome.closed
    elif llhttp_accepts(case) and case["id"] not in {*LLHTTP_REFUSED, *UNFINISHED} and "lenient" not in kind:
        has_fragment = b"#" in bytes_of(case).split(b" ")[1]
        assert has_fragment != is_served(outcome), outcome.output
    else:
        assert not is_served(outcome), outcome
        assert outcome.closed or case["id"] in UNFINISHED
