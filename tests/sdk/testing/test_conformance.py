"""The conformance suite finds what is wrong with a plugin: for each check a plugin that fails it, and no other."""

import asyncio
import os
import threading
from importlib.metadata import EntryPoint, EntryPoints
from typing import Any, ClassVar

import attrs
import pytest
from apim_sdk import Authenticator, Credential, Endpoint, Policy, Principal, Reject, Response, Secret, Sink, state
from apim_sdk.testing import building
from apim_sdk.testing.conformance import (
    Nonconformity,
    Subject,
    checks_for,
    concurrency,
    declaration,
    examine,
    exercise,
    lifecycle,
    secrecy,
    streaming,
    suite,
)


@attrs.frozen
class Good(Policy):
    """Marks requests and answers, and changes bodies chunk by chunk."""

    example: ClassVar[Any] = {"mark": "seen"}

    mark: str
    """What messages are marked with."""
    key: Secret | None = None
    """A key that nobody sees."""

    def on_request(self, exchange):
        exchange.request.headers["X-Seen"] = self.mark
        exchange.request.body.map(bytes.upper)

    def on_response(self, exchange):
        exchange.response.body.map(bytes.upper)


def examined(plugin, check, name="good", **settings):
    examine(Subject(name, plugin, **settings), check)


def found(plugin, check, **settings):
    """What the check has against the plugin."""
    with pytest.raises(Nonconformity) as error:
        examined(plugin, check, **settings)
    return str(error.value)


@pytest.mark.parametrize(
    "check",
    [check for check in checks_for(Good) if check not in declaration.CHECKS[-2:]],
    ids=lambda check: check.__name__,
)
def test_a_good_plugin_passes(check):
    examined(Good, check)


def test_every_kind_is_held_to_the_checks_of_all_kinds():
    everybody = {*declaration.CHECKS, *exercise.CHECKS, *lifecycle.CHECKS, *secrecy.CHECKS}

    assert all(everybody < {*checks_for(kind)} for kind in (Policy, Authenticator, Endpoint))
    assert everybody == {*checks_for(Sink)}


@pytest.mark.parametrize("name", ["setHeader", "set_header", "set header", "-set", "set--header"])
def test_a_name_that_is_not_in_kebab_case_is_found(name):
    assert "lower-case words with hyphens" in found(Good, declaration.its_name_is_in_kebab_case, name=name)


def test_a_class_that_is_no_plugin_is_found():
    class Stray:
        example: ClassVar[Any] = {}

    assert "derived from Policy" in found(Stray, declaration.it_is_a_frozen_class_of_a_known_kind)


def test_a_class_that_is_no_attrs_class_is_found():
    class Plain(Policy):
        pass

    assert "put @attrs.frozen above Plain" in found(Plain, declaration.it_is_a_frozen_class_of_a_known_kind)


def test_a_class_that_can_be_changed_is_found():
    @attrs.define
    class Changeable(Policy):
        pass

    assert "Changeable can be changed" in found(Changeable, declaration.it_is_a_frozen_class_of_a_known_kind)


def test_a_missing_docstring_is_found():
    @attrs.frozen
    class Silent(Good):
        pass

    assert "Silent has no docstring" in found(Silent, declaration.it_has_a_docstring)


def test_a_posture_of_another_type_is_found():
    @attrs.frozen
    class Vague(Good):
        posture = "safe"

    assert "Vague.posture must be a Posture" in found(Vague, declaration.it_says_how_far_to_trust_it)


def test_an_option_without_a_description_is_found():
    @attrs.frozen
    class Undescribed(Policy):
        """Has an option that nobody explains."""

        explained: str = ""
        """What it is."""
        unexplained: str = ""

    assert "without a description: /unexplained;" in found(Undescribed, declaration.every_option_is_described)


def test_an_option_without_a_description_is_found_in_a_class_of_options():
    assert "/$defs/Part/unexplained;" in found(Whole, declaration.every_option_is_described)


@attrs.frozen
class Part:
    """Options within options."""

    unexplained: int = 0


@attrs.frozen
class Whole(Policy):
    """Has options within options."""

    part: Part = Part()
    """The options within."""


def test_an_example_that_builds_nothing_is_an_error_that_names_the_mistake():
    @attrs.frozen
    class Misled(Good):
        """Has an example that lacks an option."""

        example: ClassVar[Any] = {}

    with pytest.raises(Exception, match="mark"):
        examined(Misled, declaration.its_example_builds)


def test_a_slow_import_is_found(tmp_path, monkeypatch):
    (tmp_path / "slow_plugin.py").write_text(
        "import time\nend = time.process_time() + 0.4\nwhile time.process_time() < end: pass\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    assert "importing slow_plugin takes" in found(
        attrs.frozen(type("Slow", (Good,), {"__module__": "slow_plugin"})), declaration.it_imports_quickly
    )


def test_an_import_of_the_core_is_found():
    core = attrs.frozen(type("Core", (Good,), {"__module__": "apim_core.registry"}))

    assert "apim_core.registry: a plugin may import apim_sdk only" in found(
        core, declaration.it_imports_nothing_of_the_core
    )


def test_a_policy_that_never_runs_is_found():
    @attrs.frozen
    class Idle(Policy):
        """Does nothing."""

    assert "it would never run" in found(Idle, declaration.it_may_stand_in_a_flow)


def test_a_policy_that_fails_on_some_message_is_found():
    @attrs.frozen
    class Strict(Policy):
        """Takes UTF-8 only."""

        def on_message(self, exchange, message):
            message.data.decode()

    with pytest.raises(UnicodeDecodeError):
        examined(Strict, exercise.its_example_answers)


def test_a_policy_that_fails_on_some_request_is_found():
    @attrs.frozen
    class Fragile(Policy):
        """Takes every request for JSON."""

        def on_request(self, exchange):
            exchange.request.headers["Content-Type"].index("json")

    with pytest.raises(KeyError):
        examined(Fragile, exercise.its_example_answers)


def test_an_endpoint_that_answers_something_else_is_found():
    @attrs.frozen
    class Wordy(Endpoint):
        """Answers text."""

        async def send(self, exchange):
            return "ok"

    assert "send() must answer a Response, not 'ok'" in found(Wordy, exercise.its_example_answers)


def test_an_authenticator_that_finds_a_credential_in_every_request_is_found():
    @attrs.frozen
    class Eager(Authenticator):
        """Finds what is not there."""

        def find(self, exchange):
            return Credential("api-key", Secret(exchange.request.headers.get("X-API-Key") or "default"))

        def judge(self, credential, exchange):
            return Principal("somebody")

    assert "find() must answer None" in found(Eager, exercise.its_example_answers)


def test_a_sink_that_fails_on_a_failed_exchange_is_found():
    @attrs.frozen
    class Optimist(Sink):
        """Takes no faults."""

        async def write(self, batch):
            assert not any(record.error_key for record in batch), "no faults here"

    with pytest.raises(AssertionError, match="no faults here"):
        examined(Optimist, exercise.its_example_answers)


@attrs.frozen
class Leaky(Good):
    """Opens what its test says, and lets go of nothing."""

    opened: ClassVar[list[Any]] = []
    _what: Any = state()


def leaking(open_something):
    async def start(self, context):
        self.opened.append(open_something())

    return attrs.frozen(type("Leaky", (Leaky,), {"start": start}))


def test_a_file_that_stays_open_is_found():
    plugin = leaking(lambda: os.fdopen(os.open(os.devnull, os.O_RDONLY)))
    try:
        assert "-> /dev/null" in found(plugin, lifecycle.starting_and_stopping_twice_leaves_nothing_open)
    finally:
        while Leaky.opened:
            Leaky.opened.pop().close()


def test_a_task_that_goes_on_is_found():
    plugin = leaking(lambda: asyncio.get_running_loop().create_task(asyncio.Event().wait(), name="forgotten"))

    assert "forgotten" in found(plugin, lifecycle.starting_and_stopping_twice_leaves_nothing_open)
    Leaky.opened.clear()


def test_a_thread_that_goes_on_is_found():
    end = threading.Event()

    def thread():
        started = threading.Thread(target=end.wait, name="forgotten")
        started.start()
        return started

    try:
        assert "forgotten" in found(leaking(thread), lifecycle.starting_and_stopping_twice_leaves_nothing_open)
    finally:
        end.set()
        while Leaky.opened:
            Leaky.opened.pop().join()


def test_a_secret_in_the_repr_is_found():
    @attrs.frozen
    class Open(Good):
        """Shows its key."""

        def __repr__(self):
            return f"Open({self.key.reveal()})"

    assert "shows a secret option in its repr" in found(Open, secrecy.secrets_are_shown_nowhere)


def test_a_secret_in_the_log_is_found():
    @attrs.frozen
    class Chatty(Good):
        """Logs its key."""

        async def start(self, context):
            context.log.info("started", key=self.key.reveal())

    assert "shows a secret option in the log" in found(Chatty, secrecy.secrets_are_shown_nowhere)


def test_a_secret_in_a_fault_is_found():
    @attrs.frozen
    class Blurting(Good):
        """Tells clients its key."""

        def on_request(self, exchange):
            raise Reject(403, f"the key is not {self.key.reveal()}")

    assert "shows a secret option in a fault" in found(Blurting, secrecy.secrets_are_shown_nowhere)


def test_the_credential_of_a_client_in_the_log_is_found():
    @attrs.frozen
    class Curious(Good):
        """Logs what clients present."""

        _log: Any = state()

        async def start(self, context):
            self.hold(_log=context.log)

        def on_request(self, exchange):
            self._log.info("request", authorization=exchange.request.headers.get("Authorization"))

    assert "shows the client's credential in the log" in found(Curious, secrecy.secrets_are_shown_nowhere)


def test_a_body_changed_by_its_chunks_is_found():
    @attrs.frozen
    class Bracketing(Policy):
        """Puts each chunk in brackets."""

        def on_response(self, exchange):
            exchange.response.body.map(lambda chunk: b"[" + chunk + b"]")

    text = found(Bracketing, streaming.where_a_body_is_split_does_not_show)
    assert "in the response flow, good answers otherwise when a body of application/json comes in" in text


def test_a_body_of_whole_characters_only_is_found():
    @attrs.frozen
    class Shouting(Policy):
        """Takes each chunk for text."""

        def on_request(self, exchange):
            exchange.request.body.map(lambda chunk: chunk.decode("utf-8", "replace").upper().encode())

    assert "in the entry flow" in found(Shouting, streaming.where_a_body_is_split_does_not_show)


def test_a_header_of_chance_is_no_difference():
    @attrs.frozen
    class Numbering(Policy):
        """Gives each answer a number."""

        numbers: ClassVar[Any] = iter(range(10**6))

        def on_response(self, exchange):
            exchange.response.headers["X-Number"] = str(next(self.numbers))

    examined(Numbering, streaming.where_a_body_is_split_does_not_show)


def test_what_one_exchange_leaves_for_another_is_found():
    @attrs.frozen
    class Forgetful(Policy):
        """Keeps what belongs to one exchange in itself."""

        _path: str = state()

        async def on_request(self, exchange):
            self.hold(_path=exchange.request.path)
            await exchange.request.body.read()
            exchange.request.headers["X-Path"] = self._path

    assert "see of others" in found(Forgetful, concurrency.a_hundred_exchanges_at_once_do_not_mix)


def test_an_authenticator_that_mixes_callers_up_is_found():
    @attrs.frozen
    class Confused(Authenticator):
        """Takes everybody for whoever came last."""

        _last: Secret = state()

        def find(self, exchange):
            self.hold(_last=Secret(exchange.request.headers["X-API-Key"]))
            return Credential("api-key", self._last)

        async def judge(self, credential, exchange):
            await asyncio.sleep(0)
            return Principal(self._last.reveal())

    assert "see of others" in found(Confused, concurrency.a_hundred_exchanges_at_once_do_not_mix)


def test_an_endpoint_that_answers_another_exchange_is_found():
    @attrs.frozen
    class Crossed(Endpoint):
        """Answers with the path of whoever came last."""

        _last: str = state()

        async def send(self, exchange):
            self.hold(_last=exchange.request.path)
            await exchange.request.body.read()
            return Response(200, body=self._last.encode())

    assert "see of others" in found(Crossed, concurrency.a_hundred_exchanges_at_once_do_not_mix)


def cases(function):
    (mark,) = function.pytestmark
    return {case.id: case.values[0] for case in mark.args[1]}


def test_a_suite_has_a_test_for_each_check_of_each_plugin(monkeypatch):
    monkeypatch.setattr(building, "entry_points", lambda group: INSTALLED)
    ids = [*cases(suite("good", "sink"))]

    assert [f"good-{check.__name__}" for check in checks_for(Good)] == [name for name in ids if name.startswith("good")]
    assert [f"sink-{check.__name__}" for check in checks_for(Sink)] == [name for name in ids if name.startswith("sink")]


def test_a_suite_runs_the_check(monkeypatch):
    monkeypatch.setattr(building, "entry_points", lambda group: INSTALLED)
    run = cases(suite("sink"))["sink-its_example_answers"]

    with pytest.raises(NotImplementedError, match=r"write\(\)"):
        run()


def test_a_plugin_that_cannot_be_found_is_a_test_that_fails():
    run = cases(suite("no-such-plugin"))["no-such-plugin-it_can_be_loaded"]

    with pytest.raises(Nonconformity, match="no installed plugin is named 'no-such-plugin'"):
        run()


@attrs.frozen
class Unable(Sink):
    """Takes nothing."""


INSTALLED = EntryPoints(
    EntryPoint(name, f"{__name__}:{value}", building.PLUGINS) for name, value in (("good", "Good"), ("sink", "Unable"))
)
