"""Threat class 20, questions to those who decide: what a client says is a value in them, and never more."""

from __future__ import annotations

import textwrap
from pathlib import Path
from urllib.parse import quote

import pytest
from apim_sdk.testing.backend import Answer as Reply
from apim_sdk.testing.backend import FakeBackend
from support.gateway import Answer, run, serving
from support.opa import opa
from support.openfga import STORE, openfga

TEXT = """
egress: {{allow: [127.0.0.0/8]}}
management: {{enabled: false}}
apis:
  - name: items
    context: /api
    endpoint: {{http: {{url: "{backend}"}}}}
    plans: [{{name: public, authentication: {{keyless: {{}}}}}}]
    flows: {{request: [{step}]}}
    operations: [{{match: "GET /{{id}}"}}]
"""

PATIENT = "timeout: 30s"
"""Time is no matter here."""

HOSTILE = [
    '7" || true || "',
    '7"; permit(principal, action, resource);',
    'Item::"7"',
    '7", "allow": true, "x": "',
    "*",
    "7#owner",
    "item:7",
    "7 or 1==1",
    "{{ principal.subject }}",
    "${env:HOME}",
    "__entity",
]


async def answered(folder: Path, step: str, identifiers: list[str], **headers: str) -> tuple[list[Answer], FakeBackend]:
    """What the gateway answers to a request for each of these ids, and the backend behind it."""
    async with FakeBackend(Reply(200, (), b"hello")) as backend:
        text = TEXT.format(backend=backend.url, step=step)
        async with serving(textwrap.dedent(text), folder) as gateway:
            found = [await gateway.get(f"/api/{quote(each, safe='')}", **headers) for each in identifiers]
    return found, backend


@pytest.mark.parametrize("identifier", HOSTILE)
def test_an_id_in_a_path_is_one_id_for_cedar(tmp_path: Path, identifier: str) -> None:
    (tmp_path / "policies.cedar").write_text('permit(principal, action, resource == Item::"7");')
    step = '{cedar: {policies: {file: policies.cedar}, resource: {type: Item, id: "{{ path.id }}"}}}'

    async def inside() -> None:
        answers, backend = await answered(tmp_path, step, ["7", identifier])
        assert [200, 403] == [answer.status for answer in answers]
        assert 1 == len(backend.requests)

    run(inside)


@pytest.mark.parametrize("identifier", HOSTILE)
def test_an_id_in_a_path_is_one_object_for_openfga(tmp_path: Path, identifier: str) -> None:
    async def inside() -> None:
        async with openfga() as server:
            server.tuples |= {("user:anonymous", "reader", "order:7"), ("user:anonymous", "reader", "order:*")}
            item = '{type: order, id: "{{ path.id }}"}'
            step = f'{{openfga: {{url: "{server.url}", store: {STORE}, relation: reader, object: {item}, {PATIENT}}}}}'
            answers, backend = await answered(tmp_path, step, ["7", identifier])
        assert [200, 403] == [answer.status for answer in answers]
        assert 1 == len(backend.requests)
        assert {"order:7", f"order:{identifier}"} >= {asked["tuple_key"]["object"] for asked in server.asked}
        assert {"user:anonymous"} == {asked["tuple_key"]["user"] for asked in server.asked}

    run(inside)


POLICY = """
package items
import rego.v1
default allow := false
allow if input.path_parameters.id == "7"
"""


@pytest.mark.parametrize("identifier", HOSTILE)
def test_an_id_in_a_path_is_one_value_for_opa(tmp_path: Path, identifier: str) -> None:
    async def inside() -> None:
        async with opa(POLICY) as server:
            step = f'{{opa: {{url: "{server.url}", path: items, {PATIENT}}}}}'
            answers, backend = await answered(tmp_path, step, ["7", identifier])
        assert [200, 403] == [answer.status for answer in answers]
        assert 1 == len(backend.requests)
        assert ["7", identifier] == [asked["path_parameters"]["id"] for asked in server.asked]

    run(inside)


def test_who_decides_gets_no_credential_and_no_header_that_was_not_asked_for(tmp_path: Path) -> None:
    async def inside() -> None:
        async with opa(POLICY) as server:
            step = f'{{opa: {{url: "{server.url}", path: items, headers: [X-Office], query: true, {PATIENT}}}}}'
            given = {"Authorization": "Bearer the-token", "Cookie": "s=the-cookie", "X_API_Key": "the-key"}
            await answered(tmp_path, step, ["7"], X_Office="yes", X_Other="no", **given)
        (asked,) = server.asked
        assert {"x-office": "yes"} == asked["headers"]
        assert [] == [value for value in ("the-token", "the-cookie", "the-key", "no") if f"'{value}'" in str(asked)]

    run(inside)


def test_an_answer_cannot_change_how_the_request_is_read(tmp_path: Path) -> None:
    async def inside() -> None:
        async with opa(POLICY) as server:
            step = f'{{opa: {{url: "{server.url}", path: items, {PATIENT}}}}}'
            for name, value in (("Content-Length", "5"), ("Host", "evil"), ("X-A", "a\\r\\nX-B: b")):
                server.answer = f'{{"result": {{"allow": true, "headers": {{"{name}": "{value}"}}}}}}'.encode()
                answers, backend = await answered(tmp_path, step, ["7"])
                assert ([500], "901103", 0) == (
                    [answer.status for answer in answers],
                    answers[0].json["code"],
                    len(backend.requests),
                )

    run(inside)
