"""Answers of the server as they leave."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from apim_keymanagers.resident.answers import json_answer, token_response
from hypothesis import given
from hypothesis import strategies as st


def body_of(answer: dict[str, Any]) -> Any:
    return json.loads(asyncio.run(token_response(answer).body.read()))


@given(
    st.text(max_size=50),
    st.integers(0, 10**9),
    st.dictionaries(st.sampled_from(["refresh_token", "id_token", "issued_token_type"]), st.text(max_size=20)),
)
def test_the_answer_with_a_token_is_json_whatever_the_scope(scope: str, seconds: int, more: dict[str, str]) -> None:
    answer = {"access_token": "e30.e30.A-_", "token_type": "Bearer", "expires_in": seconds, "scope": scope, **more}
    assert answer == body_of(answer)


def test_fields_that_one_answer_adds_are_not_in_the_next() -> None:
    first = json_answer({}, 401, {"WWW-Authenticate": "Basic"})
    second = json_answer({}, 401)
    assert ("Basic", None) == (first.headers.get("WWW-Authenticate"), second.headers.get("WWW-Authenticate"))
    second.headers.set("Cache-Control", "max-age=5")
    assert "no-store" == json_answer({}).headers.get("Cache-Control")
