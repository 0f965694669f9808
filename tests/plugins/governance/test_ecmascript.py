"""Regular expressions of ECMAScript: what they match, and what is none, in the words of V8."""

from __future__ import annotations

import pytest
from apim_governance.ecmascript import InvalidExpression, compile_expression


@pytest.mark.parametrize(
    ("source", "flags", "text", "expected"),
    [
        ("^.$", "", "\U0001f600", False),  # two code units
        ("^..$", "", "\U0001f600", True),
        ("^.$", "u", "\U0001f600", True),
        ("^[\U0001f600]$", "u", "\U0001f600", True),
        (r"\ud83d\ude00", "", "\U0001f600", True),
        (r"[\W]", "", "é", True),
        (r"[^\W]", "", "é", False),
        (r"^[a-\d]+$", "", "a-7", True),
        (r"^\8$", "", "8", True),  # no such group: the digit itself
        (r"^\101$", "", "A", True),
        (r"^\2(a)(b)$", "", "ab", True),  # nothing yet
        (r"^(a\1)$", "", "a", True),
        (r"^(a)|b\1$", "", "b", True),
        (r"^(?<x>a)\k<x>$", "", "aa", True),
        ("a", "y", "ba", False),
        ("a", "y", "ab", True),
        ("^a{,2}$", "", "a{,2}", True),
        ("(?<=a)b(?!c)", "", "abd", True),
    ],
)
def test_it_matches_as_in_javascript(source: str, flags: str, text: str, expected: bool) -> None:
    assert expected is compile_expression(source, flags).test(text)


def test_groups_are_texts_again() -> None:
    assert ["\U0001f600a", "\U0001f600"] == compile_expression("^(..)a").groups("\U0001f600a")


@pytest.mark.parametrize(
    ("source", "flags", "reason"),
    [
        ("(", "", "/(/: Unterminated group"),
        (")", "", "/)/: Unmatched ')'"),
        ("[", "i", "/[/i: Unterminated character class"),
        ("a**", "", "Nothing to repeat"),
        (r"\b+", "", "Nothing to repeat"),
        ("[z-a]", "", "Range out of order in character class"),
        ("(?<a>x)(?<a>y)", "", "Duplicate capture group name"),
        ("(?<1>x)", "", "Invalid capture group name"),
        ("(?>x)", "", "Invalid group"),
        (r"\1", "u", "Invalid escape"),
        (r"\:", "u", "Invalid escape"),
        (r"\01", "u", "Invalid decimal escape"),
        (r"\u12", "u", "Invalid Unicode escape"),
        (r"[\d-x]", "u", "Invalid character class"),
        ("[[a]--[b]]", "v", "sets within sets are not known here"),
    ],
)
def test_what_is_none_is_refused_with_the_reason(source: str, flags: str, reason: str) -> None:
    with pytest.raises(InvalidExpression, match="Invalid regular expression: ") as raised:
        compile_expression(source, flags)

    assert str(raised.value).endswith(reason)
