"""What the bench of token issuing asks and counts."""

from pathlib import Path

import pytest
from support.gateway import run, serving

from bench import issuing


@pytest.mark.parametrize("algorithm", issuing.ALGORITHMS)
def test_the_gateway_that_is_measured_issues_tokens(algorithm: str, tmp_path: Path) -> None:
    text = issuing.configuration(8080, algorithm)
    head, _, body = issuing.token_request().partition(b"\r\n\r\n")
    form = {"Content-Type": "application/x-www-form-urlencoded"}

    async def check() -> None:
        async with serving(text, tmp_path) as served:
            answer = await served.call("POST", "/oauth2/token", data=body, headers=form)
            assert (200, "orders.read") == (answer.status, answer.json["scope"])
            assert 200 == (await served.get("/oauth2/jwks")).status

    run(check)
    assert f"Content-Length: {len(body)}".encode() in head


@pytest.mark.parametrize(("algorithm", "size"), [("RS256", 256), ("EdDSA", 64)])
def test_the_bare_cost_is_that_of_a_signature(algorithm: str, size: int) -> None:
    sign, encode = issuing.signers(algorithm)
    signature, token = sign(), encode()
    assert isinstance(signature, bytes)
    assert size == len(signature)
    assert isinstance(token, str)
    assert 2 == token.count(".")


def test_a_figure_is_the_middle_with_least_and_greatest() -> None:
    assert "2 (1 .. 9)" == issuing.figure([9.0, 1.0, 2.0])
