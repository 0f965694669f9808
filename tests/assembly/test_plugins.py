"""Building plugins out of settings: each gets a place, and a mistake in one does not hide those in the next."""

from __future__ import annotations

from typing import Any

import pytest
from apim_sdk import Endpoint, Policy
from support.assembling import PLUGINS, Counting, Passing
from support.gateway import registry_with

from apim_core.assembly.plugins import Builder
from apim_core.config import PluginReference, SourceRef


def reference(name: str, settings: Any = None, pointer: str = "/here") -> PluginReference:
    made = PluginReference(name, settings)
    object.__setattr__(made, "source", SourceRef("apim.yaml", pointer))
    return made


@pytest.fixture
def builder() -> Builder:
    return Builder(registry_with(**PLUGINS))


def test_settings_become_an_instance_of_the_plugins_class(builder: Builder) -> None:
    settings = {"requests": 5, "per": "1m", "key": "ip"}
    assert Counting(5, "1m", "ip") == builder.build(reference("counting", settings), Policy, "p")


def test_a_plugin_without_settings_has_its_defaults(builder: Builder) -> None:
    assert Passing() == builder.build(reference("passing"), Policy, "p")


def test_what_is_built_is_kept_in_order_with_its_name_place_and_source(builder: Builder) -> None:
    first = builder.build(reference("passing", pointer="/a"), Policy, "p")
    builder.build(reference("ending", pointer="/b"), Endpoint, "q")
    assert [("passing", "p/passing", "/a"), ("ending", "q/ending", "/b")] == [
        (built.name, built.place, built.source.pointer) for built in builder.built
    ]
    assert first is builder.built[0].plugin


def test_the_same_plugin_at_the_same_place_is_numbered(builder: Builder) -> None:
    for place in ("p", "p", "q", "p"):
        builder.build(reference("passing"), Policy, place)
    assert ["p/passing", "p/passing#2", "q/passing", "p/passing#3"] == [built.place for built in builder.built]


def test_what_cannot_be_built_takes_no_place(builder: Builder) -> None:
    assert builder.build(reference("passing", {"x": 1}), Policy, "p") is None
    builder.build(reference("passing"), Policy, "p")
    assert ["p/passing"] == [built.place for built in builder.built]


@pytest.mark.parametrize(
    ("name", "settings", "pointer", "message"),
    [
        ("nobody", None, "/here", "no plugin is named 'nobody'"),
        ("ending", None, "/here", "'ending' is a plugin of the kind 'endpoint'; here stands one of the kind 'policy'"),
        ("passing", {"x": 1}, "/here/x", "the key 'x' is not known here"),
        ("counting", {"per": "1s", "key": "ip"}, "/here", "'requests' is missing"),
    ],
)
def test_a_mistake_is_noted_where_it_stands(
    builder: Builder, name: str, settings: Any, pointer: str, message: str
) -> None:
    assert builder.build(reference(name, settings), Policy, "p") is None
    (problem,) = builder.problems
    assert ("apim.yaml", pointer, message) == (problem.file, problem.pointer, problem.message)


def test_a_mistake_does_not_hide_the_next(builder: Builder) -> None:
    builder.build(reference("nobody"), Policy, "p")
    builder.build(reference("passing", {"x": 1, "y": 2}), Policy, "p")
    assert 3 == len(builder.problems)
