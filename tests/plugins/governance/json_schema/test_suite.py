"""The JSON Schema Test Suite: every test of drafts 4, 7 and 2020-12, mandatory and optional.

What Ajv does in another way than the suite wants is done as Ajv does it; each such test is listed with the reason.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from apim_governance.json_schema.errors import SchemaFailure
from apim_governance.json_schema.validator import Validator

DATA = Path(__file__).resolve().parents[4] / "../shared/conformance/json-schema-suite"
REMOTES = "http://localhost:1234/"

_SIBLINGS = "what stands beside $ref counts in every draft"
_ONE_DRAFT = "a schema is in one draft throughout, and $vocabulary says nothing"
_NO_UNICODE_MODE = "patterns are those of ECMAScript without the flag u"
_FORMATS = "formats are asserted"
_FORMAT = "the format is as ajv-formats has it, or none that it knows"
_ANYWHERE = "an $id counts wherever it stands; two that are alike are refused"
EXCEPTIONS: Mapping[str, str] = {
    "ref.json/ref overrides any sibling keywords": _SIBLINGS,
    "ref.json/$ref prevents a sibling id from changing the base uri": _SIBLINGS,
    "ref.json/$ref prevents a sibling $id from changing the base uri": _SIBLINGS,
    "enum.json/empty enum": "an enumeration of nothing is refused",
    "format.json": _FORMATS,
    "pattern.json/pattern with Unicode property escape requires unicode mode": _NO_UNICODE_MODE,
    "vocabulary.json": _ONE_DRAFT,
    "optional/content.json": "contents of texts are not looked at",
    "optional/cross-draft.json": _ONE_DRAFT,
    "optional/ecmascript-regex.json": _NO_UNICODE_MODE,
    "optional/float-overflow.json": "quotients are doubles",
    "optional/format/": _FORMAT,
    "optional/non-bmp-regex.json": _NO_UNICODE_MODE,
    "optional/unknownKeyword.json": _ANYWHERE,
    "optional/zeroTerminatedFloats.json": "1.0 is an integer in every draft",
}
"""Tests of which some fail, by the beginning of ``file/group``, each with the reason."""


def remotes() -> dict[str, Any]:
    folder = DATA / "remotes"
    return {
        REMOTES + file.relative_to(folder).as_posix(): json.loads(file.read_text()) for file in folder.rglob("*.json")
    }


def failing(draft: str) -> Iterator[tuple[str, bool]]:
    """Each test by ``file/group/test``, and whether it fails."""
    others = remotes()
    folder = DATA / "tests" / draft
    for file in sorted(folder.rglob("*.json")):
        name = file.relative_to(folder).as_posix()
        for group in json.loads(file.read_text()):
            validator = Validator(group["schema"], draft, others, metaschema=False)
            for test in group["tests"]:
                try:
                    valid: bool | None = not validator.errors(test["data"])
                except SchemaFailure:
                    valid = None
                yield f"{name}/{group['description']}/{test['description']}", valid is not test["valid"]


@pytest.mark.skipif(not DATA.is_dir(), reason="the conformance data is not beside this checkout")
@pytest.mark.parametrize(("draft", "least"), [("draft4", 900), ("draft7", 1700), ("draft2020-12", 2200)])
def test_every_test_passes_but_for_the_exceptions(draft: str, least: int) -> None:
    results = list(failing(draft))

    assert len(results) >= least
    assert [] == [
        name for name, fails in results if fails and not any(name.startswith(exception) for exception in EXCEPTIONS)
    ]


@pytest.mark.skipif(not DATA.is_dir(), reason="the conformance data is not beside this checkout")
def test_every_exception_is_still_one() -> None:
    failed = [name for draft in ("draft4", "draft7", "draft2020-12") for name, fails in failing(draft) if fails]

    assert [] == [exception for exception in EXCEPTIONS if not any(name.startswith(exception) for name in failed)]
