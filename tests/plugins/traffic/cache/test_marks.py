"""What is older than a purge is void, and nothing else is, however many purges there are."""

from __future__ import annotations

from apim_traffic.cache.invalidations import Invalidations
from apim_traffic.cache.marks import Marks
from hypothesis import given
from hypothesis import strategies as st

subjects = st.sampled_from(["api a", "api b", "url /x", "tag t"])


@given(st.lists(subjects, max_size=6), st.sets(subjects), st.lists(subjects, max_size=6))
def test_what_was_asked_for_before_a_purge_of_its_subjects_is_void(
    before: list[str], mine: set[str], after: list[str]
) -> None:
    marks = Marks()
    for number, subject in enumerate(before):
        marks.set(subject, f"before {number}")
    remembered = marks.of(sorted(mine))
    for number, subject in enumerate(after):
        marks.set(subject, f"after {number}")

    assert mine.isdisjoint(after) == (remembered == marks.of(sorted(mine)))


def test_past_their_bound_everything_is_purged_once() -> None:
    marks = Marks(most=2)
    marks.set("tag a", "1")
    marks.set("tag b", "1")
    remembered = marks.of(["tag c"])
    marks.set("tag d", "1")

    assert remembered != marks.of(["tag c"])
    assert len(marks.of(["tag a", "tag b", "tag c"])) == 1


def test_marks_of_a_store_take_the_place_of_what_is_known() -> None:
    marks = Marks()
    marks.set("tag a", "1")
    version = marks.version
    marks.replace({"tag a": "1"})
    assert version == marks.version
    marks.replace({"tag b": "2"})
    assert (("tag b", "2"),) == marks.of(["tag a", "tag b"])
    assert version != marks.version


def test_a_mark_that_is_forgotten_voids_what_came_after_it() -> None:
    marks = Marks()
    marks.set("tag a", "1")
    remembered = marks.of(["tag a"])
    marks.forget("tag a")

    assert remembered != marks.of(["tag a"])


@given(st.lists(st.integers(0, 6000), max_size=50), st.integers(0, 6000), st.lists(st.integers(0, 6000), max_size=50))
def test_a_change_of_a_url_is_never_missed(before: list[int], url: int, after: list[int]) -> None:
    invalidations = Invalidations()
    for number in before:
        invalidations.add(str(number))
    count = invalidations.count
    for number in after:
        invalidations.add(str(number))

    assert (url in after) == invalidations.since(str(url), count)


def test_past_their_bound_changes_count_as_changes_of_every_url() -> None:
    invalidations = Invalidations()
    count = invalidations.count
    for number in range(5000):
        invalidations.add(str(number))

    assert invalidations.since("elsewhere", count)
    assert not invalidations.since("elsewhere", invalidations.count)
