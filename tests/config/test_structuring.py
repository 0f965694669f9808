"""Plain data -> instances of attrs classes: what is taken, what is refused, and what the refusal says."""

from collections.abc import Mapping
from datetime import date
from enum import Enum, StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal, NewType

import attrs
import pytest
from apim_sdk import Duration, Expression, Regex, Secret, Size, Template
from hypothesis import given, settings
from hypothesis import strategies as st

from apim_core.config import ConfigErrors, Configuration, Problem, SourceRef, structure
from apim_core.config.interpolation import SecretReference
from apim_core.config.references import PluginReference


class Colour(Enum):
    RED = "red"
    TWO = 2


class Shade(StrEnum):
    DARK = "dark"


Label = NewType("Label", str)

ONE_PLUGIN = "one key, the name of a plugin, such as {mock: {status: 200}}"


@attrs.frozen
class Inner:
    name: str
    """What it is called."""
    count: int = attrs.field(default=1, validator=attrs.validators.ge(1))


@attrs.frozen
class Everything:
    text: str = ""
    flag: bool = False
    whole: int = 0
    number: float = 0.0
    maybe: int | None = None
    either: int | str = 0
    network: IPv4Network | IPv6Network | None = None
    address: IPv4Address | None = None
    colour: Colour = Colour.RED
    shade: Shade = Shade.DARK
    word: Literal["a", "b", 3] = "a"
    items: tuple[int, ...] = ()
    pair: tuple[int, str] | None = None
    names: frozenset[str] = frozenset()
    mapping: Mapping[str, Inner] = attrs.field(factory=dict)
    codes: dict[int, str] = attrs.field(factory=dict)
    inner: Inner | None = None
    several: tuple[Inner, ...] = ()
    anything: Any = None
    wait: Duration = Duration(0)
    size: Size = Size(0)
    secret: Secret = Secret("")
    condition: Expression | None = None
    template: Template | None = None
    pattern: Regex | None = None
    path: Path | None = None
    day: date | None = None
    label: Label = Label("")
    noted: Annotated[int, "a note"] = 0
    plugin: PluginReference | None = None
    from_: str = ""
    children: "tuple[Everything, ...]" = ()


def refusal(data: Any, cls: type = Everything) -> list[tuple[str, str, str | None]]:
    with pytest.raises(ConfigErrors) as refused:
        structure(data, cls)
    return [(problem.pointer, problem.message, problem.hint) for problem in refused.value.problems]


@pytest.mark.parametrize(
    ("key", "written", "value"),
    [
        ("text", "abc", "abc"),
        ("flag", True, True),
        ("whole", 10**30, 10**30),
        ("number", 1.5, 1.5),
        ("number", 2, 2.0),
        ("maybe", None, None),
        ("maybe", 4, 4),
        ("either", "x", "x"),
        ("either", 3, 3),
        ("network", "10.0.0.0/8", IPv4Network("10.0.0.0/8")),
        ("network", "fd00::/8", IPv6Network("fd00::/8")),
        ("address", "10.0.0.1", IPv4Address("10.0.0.1")),
        ("colour", "red", Colour.RED),
        ("colour", 2, Colour.TWO),
        ("shade", "dark", Shade.DARK),
        ("word", "b", "b"),
        ("word", 3, 3),
        ("items", [1, 2], (1, 2)),
        ("pair", [1, "a"], (1, "a")),
        ("names", ["a", "b"], frozenset({"a", "b"})),
        ("mapping", {"x": {"name": "n"}}, {"x": Inner("n")}),
        ("codes", {"404": "x", "-1": "y"}, {404: "x", -1: "y"}),
        ("inner", {"name": "n", "count": 2}, Inner("n", 2)),
        ("several", [{"name": "n"}], (Inner("n"),)),
        ("anything", {"a": [1, None]}, {"a": [1, None]}),
        ("wait", "1m", Duration(60)),
        ("wait", 1.5, Duration(1.5)),
        ("size", "1MiB", Size(2**20)),
        ("secret", "s", Secret("s")),
        ("condition", "true", Expression("true")),
        ("template", "a {{ 'b' }}", Template("a {{ 'b' }}")),
        ("pattern", "^a+$", Regex("^a+$")),
        ("path", "a/b", Path("a/b")),
        ("day", "2026-01-31", date(2026, 1, 31)),
        ("label", "x", "x"),
        ("noted", 7, 7),
        ("plugin", {"mock": None}, PluginReference("mock", {})),
        ("plugin", {"mock": {"status": 200}}, PluginReference("mock", {"status": 200})),
        ("children", [{"whole": 1}], (Everything(whole=1),)),
    ],
)
def test_a_value_of_the_right_kind_is_taken(key: str, written: Any, value: Any) -> None:
    assert value == getattr(structure({key: written}, Everything), key)


@pytest.mark.parametrize(
    ("key", "written", "message"),
    [
        ("text", 1.0, "expected text, not the number 1.0"),
        ("text", True, "expected text, not true"),
        ("text", None, "expected text, not nothing"),
        ("flag", 1, "expected true or false, not the number 1"),
        ("flag", "yes", "expected true or false, not the text 'yes'"),
        ("whole", "1", "expected a whole number, not the text '1'"),
        ("whole", 1.5, "expected a whole number, not the number 1.5"),
        ("whole", 1.0, "expected a whole number, not the number 1.0"),
        ("whole", True, "expected a whole number, not true"),
        ("number", "1.5", "expected a number, not the text '1.5'"),
        ("number", True, "expected a number, not true"),
        ("maybe", "x", "expected a whole number, not the text 'x'"),
        ("either", [], "expected a whole number, not a list; or expected text, not a list"),
        ("network", "10.0.0.1/8", "10.0.0.1/8 has host bits set"),
        ("network", "10.0.0.0/33", "'33' is not a valid netmask"),
        ("colour", "blue", "expected one of red, 2, not the text 'blue'"),
        ("word", True, "expected one of a, b, 3, not true"),
        ("items", "12", "expected a list, not the text '12'"),
        ("items", {"0": 1}, "expected a list, not a mapping"),
        ("pair", [1], "expected a list of 2 items, not a list"),
        ("codes", [], "expected a mapping, not a list"),
        ("inner", "n", "expected a mapping, not the text 'n'"),
        ("wait", "soon", "'soon' is not a duration: write 250ms, 30s, 1m, 1h30m, 7d or seconds as a number"),
        ("wait", float("nan"), "nan is not a duration: it must be a number of seconds, zero or more"),
        ("size", -1, "-1 is not a size: it must be a whole number of bytes, zero or more"),
        ("day", "31.1.2026", "Invalid isoformat string: '31.1.2026'"),
        ("plugin", "mock", f"expected a mapping of {ONE_PLUGIN}, not the text 'mock'"),
        ("plugin", {"a": 1, "b": 2}, f"expected {ONE_PLUGIN}, but there is 'a', 'b'"),
        ("text", SecretReference("vault", "a"), "no secret provider 'vault' is configured"),
        ("secret", SecretReference("vault", "a"), "no secret provider 'vault' is configured"),
    ],
)  # fmt: skip
def test_a_value_of_another_kind_is_refused_and_never_converted(key: str, written: Any, message: str) -> None:
    assert [(f"/{key}", message)] == [(pointer, said) for pointer, said, _ in refusal({key: written})]


@pytest.mark.parametrize(
    ("key", "written", "pointer"),
    [
        ("items", [1, "2", 3], "/items/1"),
        ("pair", [1, 2], "/pair/1"),
        ("mapping", {"a/b": {"name": 1}}, "/mapping/a~1b/name"),
        ("codes", {"x": "y"}, "/codes/x"),
        ("several", [{"name": "n"}, {"name": "n", "count": 0}], "/several/1/count"),
        ("inner", {"name": "n", "count": "1"}, "/inner/count"),
        ("children", [{"children": [{"whole": ""}]}], "/children/0/children/0/whole"),
    ],
)
def test_a_refusal_points_to_the_innermost_place(key: str, written: Any, pointer: str) -> None:
    assert [pointer] == [where for where, *_ in refusal({key: written})]


def test_everything_that_is_wrong_is_said_at_once() -> None:
    data = {"text": 1, "inner": {"nmae": "n", "count": 0}, "items": ["a", 1, None], "unknown": 1}

    assert ["/inner/count", "/inner/nmae", "/items/0", "/items/2", "/text", "/unknown"] == sorted(
        where for where, *_ in refusal(data)
    )


def test_an_unknown_key_that_is_close_to_a_known_one_is_taken_for_it() -> None:
    assert [("/nmae", "the key 'nmae' is not known here", "did you mean 'name'?")] == refusal({"nmae": "n"}, Inner)


def test_a_missing_key_is_asked_for_in_the_words_of_its_description() -> None:
    assert [("", "'name' is missing", "add name: What it is called.")] == refusal({}, Inner)


def test_a_field_that_is_named_like_a_python_keyword_is_written_without_its_underscore() -> None:
    assert structure({"from": "here"}, Everything) == Everything(from_="here")


def test_a_validator_of_a_class_is_reported_at_the_class() -> None:
    @attrs.frozen
    class Range:
        low: int
        high: int

        def __attrs_post_init__(self) -> None:
            if self.low > self.high:
                raise ValueError("low must not be above high")

    assert [("", "low must not be above high", None)] == refusal({"low": 2, "high": 1}, Range)


def test_validators_of_fields_run_though_other_fields_are_wrong() -> None:
    assert ["/name", "/count"] == [pointer for pointer, *_ in refusal({"name": 1, "count": 0}, Inner)]


def test_a_validator_may_look_at_other_fields() -> None:
    @attrs.frozen
    class Range:
        low: int
        high: int = attrs.field()

        @high.validator
        def _above(self, _: Any, value: int) -> None:
            if value < self.low:
                raise ValueError("high must not be below low")

    assert [("/high", "high must not be below low", None)] == refusal({"low": 2, "high": 1}, Range)
    assert [("/low", "expected a whole number, not nothing", "remove the key, or give it a value")] == refusal(
        {"low": None, "high": 1}, Range
    )


def test_a_constructor_that_fails_in_an_unforeseen_way_names_its_error() -> None:
    @attrs.frozen
    class Broken:
        def __attrs_post_init__(self) -> None:
            raise RuntimeError("out of order")

    assert [("", "RuntimeError: out of order", None)] == refusal({}, Broken)


def test_problems_stand_below_the_place_that_the_settings_come_from() -> None:
    with pytest.raises(ConfigErrors) as refused:
        structure({"name": 1}, Inner, SourceRef("gateway.yaml", "/sinks/0/jsonl"))

    expected = Problem(
        "gateway.yaml", None, None, "/sinks/0/jsonl/name", "expected text, not the number 1", "put it in quotes"
    )
    assert (expected,) == refused.value.problems


def test_a_relative_path_is_relative_to_the_file_that_names_it() -> None:
    source = SourceRef("conf/gateway.yaml", "/sinks/0")

    assert Path("conf/a.jsonl") == structure({"path": "a.jsonl"}, Everything, source).path
    assert Path("/var/a.jsonl") == structure({"path": "/var/a.jsonl"}, Everything, source).path


def test_a_refused_secret_is_not_shown() -> None:
    assert [("/secret", "expected text for a secret", "put it in quotes")] == refusal({"secret": 12345})


WORDS = [
    "name",
    "context",
    "plans",
    "operations",
    "request",
    "match",
    "authentication",
    "mock",
    "api-key",
    "when",
    "<<",
]
WORDS += [field.name for cls in (Configuration, Everything, Inner) for field in attrs.fields(cls)]
keys = st.sampled_from(WORDS) | st.text(max_size=3)
json_like = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["127.0.0.1:80", "GET /a", "1m", "10.0.0.0/8", "/a", "true", "none", "fail"])
    | st.builds(SecretReference, st.text(), st.text()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None)
@given(json_like, st.sampled_from([Configuration, Everything]))
def test_whatever_the_data_is_it_is_taken_or_refused_with_reasons(data: Any, cls: type) -> None:
    try:
        made = structure(data, cls)
    except ConfigErrors as errors:
        reasons = errors.problems
    else:
        reasons = made

    assert reasons


@settings(deadline=None)
@given(st.data())
def test_one_spoilt_value_is_the_only_one_that_is_reported(data: st.DataObject) -> None:
    sound = {
        "text": "a",
        "items": [1, 2],
        "inner": {"name": "n"},
        "several": [{"name": "n"}, {"name": "m", "count": 3}],
    }
    places = {"/text": 0, "/items/1": "x", "/inner/name": [], "/several/1/count": "3", "/several/0": 1, "/inner": []}
    pointer = data.draw(st.sampled_from(sorted(places)))
    *way, last = pointer.split("/")[1:]
    holder: Any = sound
    for segment in way:
        holder = holder[int(segment)] if isinstance(holder, list) else holder[segment]
    holder[int(last) if isinstance(holder, list) else last] = places[pointer]

    assert [pointer] == [where for where, *_ in refusal(sound)]
