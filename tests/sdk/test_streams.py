"""Messages of streams, and the ways in which a policy ends one."""

from __future__ import annotations

import attrs
import pytest
from apim_sdk import Close, Message, Policy
from apim_sdk.policy import flows_of


def test_text_is_the_data_as_utf_8() -> None:
    message = Message("to_client", "text", "grüß".encode())
    message.text += "!"

    assert ("grüß!", "grüß!".encode()) == (message.text, message.data)


def test_what_is_not_utf_8_is_shown_all_the_same() -> None:
    assert "a\N{REPLACEMENT CHARACTER}" == Message("to_backend", "binary", b"a\xff").text


def test_a_message_shows_no_data() -> None:
    assert "<Message text to_client of 6 bytes>" == repr(Message("to_client", "text", b"secret"))


@pytest.mark.parametrize("code", [1000, 1003, 1007, 1008, 1014, 3000, 4999])
def test_a_stream_is_closed_with_a_code_that_may_be_sent(code: int) -> None:
    assert f"{code} why" == str(Close(code, "why"))


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 2999, 5000])
def test_any_other_code_is_refused(code: int) -> None:
    with pytest.raises(ValueError, match=f"{code} is no code to close with"):
        Close(code)


def test_a_reason_that_does_not_fit_a_closing_frame_is_refused() -> None:
    Close(1000, "x" * 123)
    with pytest.raises(ValueError, match="at most 123 bytes"):
        Close(1000, "ü" * 62)


@attrs.frozen
class Watching(Policy):
    """Watches messages."""

    watch: bool = True
    """Whether it does."""

    def on_message(self, exchange: object, message: Message) -> None:
        pass


@attrs.frozen
class Sometimes(Watching):
    """Watches where it is to."""

    @property
    def sees_messages(self) -> bool:
        return self.watch


def test_a_policy_of_messages_stands_on_the_way_in() -> None:
    assert ("entry", "request") == flows_of(Watching)


def test_it_sees_messages_unless_it_says_otherwise() -> None:
    assert Watching(watch=False).sees_messages
    assert not Policy().sees_messages
    assert [True, False] == [Sometimes(watch=watch).sees_messages for watch in (True, False)]
