import pytest
from apim_sdk import Headers
from apim_sdk.headers import HeaderField, PreparedHeaders
from hypothesis import given
from hypothesis import strategies as st

NAMES = st.sampled_from(["A", "a", "B", "b-C", "B-c", "X-Long-Name"])
PRINTABLE = st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f")
VALUES = st.text(PRINTABLE, max_size=8).map(str.strip)
FIELDS = st.lists(st.tuples(NAMES, VALUES), max_size=8)
CHANGES = st.lists(st.tuples(st.sampled_from(["set", "add", "remove"]), NAMES, VALUES), max_size=8)


def test_names_compare_without_case_and_keep_it():
    headers = Headers([("X-Tier", "gold"), ("x-TIER", "silver")])
    assert "gold" == headers["X-tier"]
    assert ("gold", "silver") == headers.get_all("X-TIER")
    assert [("X-Tier", "gold"), ("x-TIER", "silver")] == list(headers.items())
    assert 2 == len(headers)
    assert ["x-tier"] == list(headers)
    assert "X-TIER" in headers
    assert 5 not in headers


def test_a_missing_name_is_none_a_default_or_a_key_error():
    headers = Headers()
    assert headers.get("X") is None
    assert "y" == headers.get("X", "y")
    assert () == headers.get_all("X")
    assert [] == headers.values_of(b"x")
    assert headers.first(b"x") is None
    with pytest.raises(KeyError):
        headers["X"]


def test_set_puts_one_field_in_the_place_of_the_first():
    headers = Headers([("A", "1"), ("B", "2"), ("a", "3")])
    headers["a"] = "4"
    assert [("a", "4"), ("B", "2")] == list(headers.items())


def test_remove_takes_every_field_of_the_name():
    headers = Headers([("A", "1"), ("B", "2"), ("a", "3")])
    del headers["A"]
    headers.discard(b"missing")
    assert [("B", "2")] == list(headers.items())
    assert 1 == len(headers)


def test_a_copy_is_independent():
    headers = Headers([("A", "1"), ("B", "2")])
    headers.remove("A")
    copy = headers.copy()
    copy["B"] = "3"
    assert [("B", "2")] == list(headers.items())
    assert [("B", "3")] == list(copy.items())


def test_a_copy_does_not_see_what_is_added_later_nor_the_other_way():
    headers = Headers([("A", "1"), ("A", "2")])
    assert 2 == len(headers)
    copy = headers.copy()
    copy.add("A", "3")
    headers.add("a", "4")
    headers.add("B", "5")
    assert ("1", "2", "3") == copy.get_all("A")
    assert ("1", "2", "4") == headers.get_all("A")
    assert "B" not in copy
    headers.remove("A")
    assert ("1", "2", "3") == copy.get_all("A")


def test_headers_are_equal_with_the_same_fields_in_any_case():
    assert Headers([("A", "1")]) == Headers([("a", "1")])
    assert Headers([("A", "1")]) != Headers([("A", "2")])
    assert Headers() != "headers"


def test_raw_pairs_are_taken_over_with_their_duplicates():
    headers = Headers.from_raw([(b"A", b"1"), (b"a", b"2"), (b"B", b"3")])
    assert {b"a": [0, 1], b"b": [2]} == headers.index
    assert [b"1", b"2"] == headers.values_of(b"a")


@pytest.mark.parametrize("name", ["", "a b", "a:", "a\r\nb", "é", "a\x00"])
def test_a_name_must_be_a_token(name):
    with pytest.raises(ValueError, match="header name"):
        Headers([(name, "x")])


@pytest.mark.parametrize("value", ["a\r\nb: c", "a\nb", "a\rb", "a\x00b", "\x7f"])
def test_a_value_must_be_one_line(value):
    headers = Headers()
    with pytest.raises(ValueError, match="control characters"):
        headers.add("A", value)


def test_text_beyond_latin_1_goes_as_utf_8():
    headers = Headers([("A", "é"), ("B", "€")])
    assert [(b"A", b"\xe9"), (b"B", b"\xe2\x82\xac")] == list(headers.raw())


def test_white_space_around_a_value_is_no_part_of_it():
    assert "a b" == Headers([("A", " \ta b ")])["A"]


def test_a_representation_shows_no_value():
    assert "<Headers Authorization>" == repr(Headers([("Authorization", "Bearer x")]))


@given(FIELDS, CHANGES)
def test_changes_do_what_they_do_to_a_list_of_pairs(fields, changes):
    headers, model = Headers(fields), list(fields)
    for change, name, value in changes:
        places = [place for place, pair in enumerate(model) if pair[0].lower() == name.lower()]
        if change == "add" or (change == "set" and not places):
            model.append((name, value))
        elif change == "set":
            model[places[0]] = (name, value)
        if change != "add":
            dropped = set(places[1:] if change == "set" else places)
            model = [pair for place, pair in enumerate(model) if place not in dropped]
        getattr(headers, change)(*((name,) if change == "remove" else (name, value)))
        assert model == list(headers.items())
        assert len(model) == len(headers)
        for each in ("A", "B", "b-c"):
            assert tuple(v for n, v in model if n.lower() == each.lower()) == headers.get_all(each)


@pytest.mark.parametrize(
    "change",
    [
        lambda headers: headers.set("A", "9"),
        lambda headers: headers.add("A", "9"),
        lambda headers: headers.remove("A"),
        lambda headers: headers.put(HeaderField("C", "9")),
        lambda headers: headers.append(HeaderField("B", "9")),
        lambda headers: headers.discard(b"b"),
    ],
)
def test_shared_fields_become_ones_own_when_they_are_changed(change):
    origin = Headers([("A", "1"), ("B", "2")])
    first, second = origin.share(), origin.share()
    assert origin is first.origin
    change(first)

    assert first.origin is None
    assert first != origin
    assert [("A", "1"), ("B", "2")] == list(second.items()) == list(origin.items())
    assert ["a", "b"] == list(second) == list(origin)


def test_removing_what_is_not_there_changes_nothing():
    origin = Headers([("A", "1")])
    shared = origin.share()
    shared.remove("B")
    assert origin is shared.origin


def test_a_copy_of_shared_fields_is_independent():
    origin = Headers([("A", "1")])
    copy = origin.share().copy()
    copy["A"] = "2"
    assert ("1", "2") == (origin["A"], copy["A"])


def test_prepared_headers_are_given_out_and_stay_as_they_are():
    prepared = PreparedHeaders.of(Headers([("Date", "now"), ("X-A", "1")]))
    given = prepared.share()
    given.set("X-A", "2")

    assert ("1", "2") == (prepared["X-A"], given["X-A"])
    assert (prepared, None) == (prepared.share().origin, given.origin)


@given(FIELDS, st.lists(st.tuples(NAMES, st.none() | VALUES), max_size=6))
def test_several_changes_in_one_go_are_those_changes_in_turn(fields, changes):
    origin, prepared = Headers(fields), PreparedHeaders.of(Headers(fields))
    expected = origin.copy()
    edits = ()
    for name, value in changes:
        if value is None:
            edits += ((name.lower().encode(), None),)
            expected.remove(name)
        else:
            field = HeaderField(name, value)
            edits += ((field.lower_name, field.pair),)
            expected[name] = value
    for headers in (origin.copy(), origin.share(), prepared.share(), prepared.share()):
        headers.edit(edits)

        assert list(expected.raw()) == list(headers.raw())
        assert expected.index == headers.index
        headers["X-Own"] = "1"
    assert Headers(fields) == origin == prepared


def test_other_changes_of_prepared_headers_are_not_taken_for_those_before():
    prepared = PreparedHeaders.of(Headers([("A", "1")]))
    first, second = (((b"a", None),), ((b"a", (b"A", b"2")), (b"b", (b"B", b"3"))))
    for _ in range(2):
        for edits, expected in ((first, []), (second, [("A", "2"), ("B", "3")])):
            headers = prepared.share()
            headers.edit(edits)
            assert expected == list(headers.items())
            headers.edit(first)
            assert [pair for pair in expected if pair[0] != "A"] == list(headers.items())
    assert [("A", "1")] == list(prepared.items())
