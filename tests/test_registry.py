"""Finding and loading plugins: what is asked for is loaded, and every mistake names the distribution and the mend."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from apim_sdk import Policy, Sink
from support.gateway import LocalPoint

from apim_core.registry import PluginError, Registry


@attrs.frozen
class Good(Policy):
    """A policy."""


class Bare(Policy):
    """A policy that is no attrs class."""


class Distribution:
    """What a registry asks of a distribution."""

    def __init__(self, name: str, requires: list[str] | None = None) -> None:
        self.name = name
        self.version = "1.2"
        self.requires = requires or []


def point(name: str, plugin: Any, distribution: str = "acme-policies", requires: list[str] | None = None) -> Any:
    return LocalPoint(name, plugin, Distribution(distribution, requires), value=f"acme.{name}:Plugin")


def failure(registry: Registry, name: str, kind: str | None = None) -> PluginError:
    with pytest.raises(PluginError) as caught:
        registry.load(name, kind)
    return caught.value


def test_a_plugin_is_loaded_by_its_name() -> None:
    registry = Registry([point("good", Good)])
    assert Good is registry.load("good", "policy")
    assert {"good": Good} == dict(registry.loaded)


def test_nothing_is_imported_that_is_not_asked_for() -> None:
    registry = Registry([point("good", Good), point("bad", ZeroDivisionError("imported"))])
    registry.load("good")
    assert list(registry.loaded) == ["good"]


def test_a_loaded_class_is_registered_with_pluggy_by_its_kind() -> None:
    registry = Registry([point("good", Good)])
    registry.load("good")
    assert [Good] == registry.hooks.hook.apim_register_policy()
    assert registry.hooks.hook.apim_register_sink() == []


def test_an_unknown_name_comes_with_the_name_that_may_be_meant() -> None:
    error = failure(Registry([point("set-header", Good)]), "set-headers")
    assert (error.message, error.hint) == ("no plugin is named 'set-headers'", "did you mean 'set-header'?")


def test_a_missing_extra_comes_with_the_line_that_installs_it() -> None:
    missing = ModuleNotFoundError("No module named 'aiokafka'", name="aiokafka.client")
    error = failure(Registry([point("kafka", missing, requires=['aiokafka>=0.12; extra == "kafka"'])]), "kafka")
    assert error.message == "the plugin 'kafka' of acme-policies needs 'aiokafka', which is not installed"
    assert error.hint == "pip install 'acme-policies[kafka]'"


def test_a_missing_module_that_no_extra_brings_is_named_itself() -> None:
    error = failure(Registry([point("odd", ModuleNotFoundError("no", name="odd_one"))]), "odd")
    assert error.hint == "pip install 'odd_one'"


def test_two_plugins_of_one_name_are_refused_naming_both_distributions() -> None:
    error = failure(Registry([point("good", Good, "acme"), point("good", Good, "other")]), "good")
    assert "acme.good:Plugin of acme" in error.message
    assert "of other" in error.message


def test_an_entry_point_that_raises_on_import_is_refused_naming_its_distribution() -> None:
    error = failure(Registry([point("bad", ZeroDivisionError("division by zero"))]), "bad")
    assert error.message == "the plugin 'bad' of acme-policies fails on import: ZeroDivisionError: division by zero"


@pytest.mark.parametrize("what", [int, 5, lambda: None])
def test_what_is_of_no_known_kind_is_refused(what: Any) -> None:
    assert "'acme.odd:Plugin' of acme-policies is no plugin" in failure(Registry([point("odd", what)]), "odd").message


def test_a_class_without_settings_is_refused_with_the_line_that_it_lacks() -> None:
    assert failure(Registry([point("bare", Bare)]), "bare").hint == "put @attrs.frozen above the class"


def test_a_plugin_of_another_kind_than_its_place_takes_is_refused() -> None:
    error = failure(Registry([point("good", Good)]), "good", Sink.kind)
    assert error.message == "'good' is a plugin of the kind 'policy'; here stands one of the kind 'sink'"


def test_a_listing_shows_what_cannot_be_used_with_its_reason() -> None:
    listed = Registry([point("good", Good), point("bad", ZeroDivisionError("no"))]).available()
    assert [("bad", None), ("good", Good)] == [(each.name, each.plugin) for each in listed]
    assert "fails on import" in listed[0].problem
    assert (listed[0].distribution, listed[0].version) == ("acme-policies", "1.2")
