"""``${env:NAME}`` and ``${secret:provider/path}``."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apim_core.config.interpolation import InterpolationError, SecretReference, interpolate

ENVIRONMENT = {"HOST": "example.com", "EMPTY": "", "TRICK": "${env:HOST}"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${env:HOST}", "example.com"),
        ("https://${env:HOST}/a?b=${env:HOST}", "https://example.com/a?b=example.com"),
        ("${env:NOBODY:-elsewhere}", "elsewhere"),
        ("${env:NOBODY:-}", ""),
        ("${env:EMPTY:-elsewhere}", ""),
        ("${env:HOST:-elsewhere}", "example.com"),
        ("${env:NOBODY:-http://a:1/b:-c}", "http://a:1/b:-c"),
    ],
)
def test_a_variable_or_its_default_is_put_in(text: str, value: str) -> None:
    assert value == interpolate(text, ENVIRONMENT)


def test_what_was_put_in_is_not_searched_again() -> None:
    assert "${env:HOST}" == interpolate("${env:TRICK}", ENVIRONMENT)


def test_two_dollar_signs_keep_a_reference_as_text() -> None:
    assert "${env:HOST}" == interpolate("$${env:HOST}", ENVIRONMENT)


@pytest.mark.parametrize("text", ["$", "${}", "${HOST}", "$HOST", "^a$", r"^\d{1,3}$", "{{ a }}", "${1:2}"])
def test_what_is_no_reference_stays(text: str) -> None:
    assert text == interpolate(text, ENVIRONMENT)


def test_a_secret_stays_a_reference() -> None:
    assert SecretReference("vault", "shop/key") == interpolate("${secret:vault/shop/key}", ENVIRONMENT)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${env:NOBODY}", "NOBODY is not set"),
        ("${env:}", "no name of an environment variable"),
        ("${env:1A}", "no name of an environment variable"),
        ("${env:HOST", "no closing brace"),
        ("${evn:HOST}", "no kind of reference"),
        ("${secret:vault}", "names no secret"),
        ("${secret:/key}", "names no secret"),
        ("a-${secret:vault/key}", "cannot be a part"),
    ],
)
def test_a_reference_that_cannot_be_filled_in_is_refused(text: str, message: str) -> None:
    with pytest.raises(InterpolationError, match=message) as refusal:
        interpolate(text, ENVIRONMENT)

    assert refusal.value.hint


@settings(deadline=None)
@given(st.text())
def test_text_without_a_dollar_sign_is_never_touched(text: str) -> None:
    text = text.replace("$", "")

    assert text == interpolate(text, ENVIRONMENT)


@settings(deadline=None)
@given(st.text())
def test_a_value_is_put_in_whatever_it_holds(value: str) -> None:
    assert f"<{value}>" == interpolate("<${env:VALUE}>", {"VALUE": value})
