"""JSON with commas too many and too few."""

from __future__ import annotations

import json
from typing import Any

import pytest
from apim_governance.documents.lenient_json import mended
from hypothesis import given
from hypothesis import strategies as st

DATA = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(DATA, st.sampled_from([None, 2]))
def test_json_stays_as_it_is(data: Any, indent: int | None) -> None:
    text = json.dumps(data, indent=indent)

    assert text == mended(text)


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ('{"a": [1, 2,], }', {"a": [1, 2]}),
        ('{"a": "x"\n  "b": {}\n  "c": 1}', {"a": "x", "b": {}, "c": 1}),
        ('["," ",]" 3]', [",", ",]", 3]),
    ],
)
def test_commas_are_put_right(text: str, data: Any) -> None:
    assert data == json.loads(mended(text))


def test_what_is_mended_stays_in_its_line_and_column() -> None:
    text = '{\n "a": 1\n "b": [1,],\n}'

    assert text.index('"b"') == mended(text).index('"b"')
    assert len(text) == len(mended(text))
