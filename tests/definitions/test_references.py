"""References inside a document."""

import pytest

from apim_core.definitions.references import UnresolvedReference, resolve

DOCUMENT = {"a": {"b/c": [{"d": 1}], "e f": 2, "chain": {"$ref": "#/a/b~1c/0"}}}


@pytest.mark.parametrize(
    ("reference", "target", "pointer"),
    [
        ("#/a/b~1c/0", {"d": 1}, "/a/b~1c/0"),
        ("#/a/e%20f", 2, "/a/e f"),
        ("#/a/chain", {"d": 1}, "/a/b~1c/0"),
        ("#", DOCUMENT, ""),
    ],
)
def test_a_reference_is_a_json_pointer_in_a_fragment(reference: str, target: object, pointer: str) -> None:
    assert (target, pointer) == resolve(DOCUMENT, reference)


@pytest.mark.parametrize("reference", ["#/a/x", "#/a/b~1c/1", "#/a/b~1c/x", "#/a/e f/g", "#a", "b.yaml", "", None])
def test_a_reference_that_names_nothing_here_is_refused_with_a_remedy(reference: object) -> None:
    with pytest.raises(UnresolvedReference) as refusal:
        resolve(DOCUMENT, reference)

    assert refusal.value.hint
