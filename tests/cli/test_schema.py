"""``apim schema``: the JSON Schema that editors check a configuration by."""

from __future__ import annotations

import json
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
import yaml
from apim_sdk.governance import ShippedRuleset
from jsonschema import Draft202012Validator

from apim_core.cli import main

ROOT = Path(__file__).resolve().parents[2]
QUICKSTART = ROOT / "examples" / "quickstart" / "apim.yaml"


@pytest.fixture
def schema(capsys: pytest.CaptureFixture[str]) -> Any:
    assert 0 == main(["schema"])
    return json.loads(capsys.readouterr().out)


def errors(schema: Any, text: str) -> list[str]:
    return [error.message for error in Draft202012Validator(schema).iter_errors(yaml.safe_load(text))]


def test_it_is_a_json_schema(schema: Any) -> None:
    Draft202012Validator.check_schema(schema)


def test_it_accepts_the_quickstart(schema: Any) -> None:
    assert [] == errors(schema, QUICKSTART.read_text())


def configured() -> list[str]:
    """Every plugin that a configuration sets; a ruleset that ships is only named in a list of rulesets."""
    points = entry_points(group="apim.plugins")
    return sorted(point.name for point in points if not issubclass(point.load(), ShippedRuleset))


@pytest.mark.parametrize("name", configured())
def test_it_knows_every_installed_plugin(schema: Any, name: str) -> None:
    assert f'"{name}"' in json.dumps(schema)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("plans:", "palns:"),
        ("demo-bookshop: {}", "demo-bokshop: {}"),
        ("max: 64KiB", "max: much"),
        ("max: 64KiB", "maximum: 64KiB"),
        ("key: application", "keys: application"),
        ("context: /bookshop/1.0", "context: 5"),
    ],
)
def test_it_refuses_what_a_start_refuses(schema: Any, right: str, wrong: str) -> None:
    assert errors(schema, QUICKSTART.read_text().replace(right, wrong))


def test_the_file_of_the_reference_is_of_the_plugins_that_ship(schema: Any) -> None:
    written = json.loads((ROOT / "docs" / "reference" / "configuration.schema.json").read_text())
    Draft202012Validator.check_schema(written)
    assert [] == errors(written, QUICKSTART.read_text())
