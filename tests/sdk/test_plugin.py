"""A plugin is one class: its fields are its options, its methods say where it may stand, it registers itself."""

import asyncio
import inspect
from typing import Any

import apim_sdk
import attrs
import pluggy
import pytest
from apim_sdk import Plugin, Policy, Posture, Status, hookspecs, state
from apim_sdk.policy import flows_of

KINDS = sorted(
    (
        value
        for value in vars(apim_sdk).values()
        if isinstance(value, type) and issubclass(value, Plugin) and value is not Plugin
    ),
    key=lambda kind: kind.__name__,
)
HOOKS = sorted(name for name in vars(hookspecs) if name.startswith("apim_"))


@attrs.frozen
class Counting(Policy):
    """Counts."""

    step: int = 1
    _counted: dict[str, int] = state()

    def on_request(self, exchange):
        return None


def test_what_start_opens_is_held_in_a_frozen_class():
    counting = Counting()
    counting.hold(_counted={"a": 1})

    assert {"a": 1} == counting._counted


def test_what_is_held_is_no_option_and_shows_nowhere():
    first, second = Counting(), Counting()
    first.hold(_counted={"secret": 1})

    assert ("Counting(step=1)", True) == (repr(first), first == second)
    with pytest.raises(TypeError):
        Counting(counted={})


def test_options_never_change():
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        Counting().step = 2


def test_starting_and_stopping_is_nothing_unless_a_plugin_says_otherwise():
    async def start_and_stop():
        await Plugin().start(None)
        await Plugin().stop()

    asyncio.run(start_and_stop())
    assert (Status.BETA, Posture.UNTRUSTED_CLIENTS, {}) == (Plugin.status, Plugin.posture, Plugin.example)


@pytest.mark.parametrize(
    ("methods", "flows"),
    [
        (["on_request"], ("entry", "request")),
        (["around"], ("request",)),
        (["on_request", "around"], ("request",)),
        (["after"], ("request",)),
        (["on_response"], ("response",)),
        (["on_fault"], ("fault",)),
        (["on_request", "on_response", "on_fault"], ("entry", "request", "response", "fault")),
        ([], ()),
    ],
)
def test_the_methods_say_where_a_policy_may_stand(methods, flows):
    policy = type("Made", (Policy,), dict.fromkeys(methods, lambda self, exchange: None))

    assert flows == flows_of(policy)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_each_kind_registers_itself_by_its_hook(kind):
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    plugin = type("Made", (kind,), {})
    manager.register(plugin, "made")
    manager.check_pending()
    registered: list[Any] = [found for hook in HOOKS if "register" in hook for found in getattr(manager.hook, hook)()]

    assert plugin in registered
    assert {plugin} == {*registered}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_each_kind_has_a_name_and_says_what_it_is(kind):
    assert kind.kind
    assert kind.__doc__


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind is not Policy], ids=lambda kind: kind.__name__)
def test_what_a_kind_promises_and_a_plugin_lacks_is_an_error_that_names_it(kind):
    plugin = type("Made", (kind,), {})()
    promised = {
        name
        for base in kind.__mro__
        if base not in (Plugin, object)
        for name, member in vars(base).items()
        if "raise NotImplementedError" in _source(member)
    }

    assert promised
    for name in promised:
        with pytest.raises(NotImplementedError, match=f"Made must define {name}"):
            _use(plugin, name)


def _source(member):
    function = member.fget if isinstance(member, property) else member
    return inspect.getsource(function) if inspect.isfunction(function) else ""


def _use(plugin, name):
    """Call a method with as many arguments as it takes, or read a property."""
    member = getattr(plugin, name)
    required = [
        parameter for parameter in inspect.signature(member).parameters.values() if parameter.default is parameter.empty
    ]
    result = member(*[None] * len(required))
    if inspect.isawaitable(result):
        asyncio.run(_awaited(result))


async def _awaited(result):
    return await result


@pytest.mark.parametrize("hook", HOOKS)
def test_each_hook_is_documented(hook):
    assert inspect.getdoc(getattr(hookspecs, hook))
