"""``apim plugins``: what is installed, what of it cannot be used and why, and all that can be said of one."""

from __future__ import annotations

import json
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from apim_core.cli import main

INSTALLED = sorted(entry_points(group="apim.plugins").names)


@pytest.fixture
def stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A distribution with a plugin that needs what its extra would bring, and one that is broken."""
    metadata = tmp_path / "acme_policies-1.2.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: acme-policies\nVersion: 1.2\n"
        'Provides-Extra: kafka\nRequires-Dist: acme-kafka-client>=1; extra == "kafka"\n'
    )
    (metadata / "entry_points.txt").write_text(
        "[apim.plugins]\nacme-kafka = acme_kafka:Kafka\nacme-odd = acme_odd:Odd\n"
    )
    (tmp_path / "acme_kafka.py").write_text("import acme_kafka_client\n")
    (tmp_path / "acme_odd.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(str(tmp_path))


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main(["plugins", *arguments])
    written = capsys.readouterr()
    return status, written.out, written.err


def test_every_installed_plugin_is_listed_by_kind_and_name(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys)
    heading, *rows = out.splitlines()
    assert (0, "") == (status, err)
    assert ["KIND", "NAME", "STATUS", "DISTRIBUTION", "AVAILABILITY"] == heading.split()
    assert INSTALLED == sorted(
        row.replace("key manager", "key-manager").replace("counter store", "counter-store").split()[1] for row in rows
    )
    assert rows == sorted(rows)


def test_the_list_says_how_far_a_plugin_has_come_and_who_brings_it(capsys: pytest.CaptureFixture[str]) -> None:
    (row,) = [row for row in run(capsys)[1].splitlines() if " keyless " in row]
    assert ["authenticator", "keyless", "stable", "apim", "0.1.0", "available"] == row.split()


@pytest.mark.usefixtures("stranger")
def test_a_plugin_whose_extra_is_missing_is_listed_with_the_line_that_helps(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys)
    (row,) = [row for row in out.splitlines() if " acme-kafka " in row]
    assert 0 == status
    assert "acme-policies 1.2" in row
    assert row.endswith("needs 'acme_kafka_client', which is not installed; pip install 'acme-policies[kafka]'")


@pytest.mark.usefixtures("stranger")
def test_a_plugin_that_fails_on_import_does_not_break_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys)
    assert 0 == status
    assert "fails on import: ZeroDivisionError: division by zero" in out
    assert len(INSTALLED) + 3 == len(out.splitlines())


def test_the_list_for_machines_says_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "--json")
    rows = json.loads(out)
    assert 0 == status
    assert INSTALLED == sorted(row["name"] for row in rows)
    assert {"kind", "name", "status", "distribution", "availability"} == set(rows[0])


def test_one_plugin_is_described_with_its_options_and_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "set-header")
    assert 0 == status
    assert out.startswith("set-header: policy, ")
    assert "\nStands in: entry, request, response, fault\n" in out
    assert "\n  name: string, required\n" in out
    assert "\nExample:\n  set-header:\n" in out


def test_a_default_is_shown_as_it_would_be_written(capsys: pytest.CaptureFixture[str]) -> None:
    out = run(capsys, "api-key")[1]
    assert '\n  header: string or null, default "X-API-Key"\n      Header that carries the key' in out
    assert "\n  query: string or null\n" in out


@pytest.mark.parametrize("name", INSTALLED)
def test_every_plugin_can_be_described_to_people_and_machines(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, name)
    assert (0, f"{name}: ") == (status, out[: len(name) + 2])
    facts = json.loads(run(capsys, name, "--json")[1])
    assert {"name", "kind", "status", "posture", "flows", "example", "schema"} == set(facts)
    Draft202012Validator.check_schema(facts["schema"])
    Draft202012Validator(facts["schema"]).validate(facts["example"])


def test_an_unknown_plugin_is_status_1_with_the_one_that_may_be_meant(capsys: pytest.CaptureFixture[str]) -> None:
    assert (1, "", "no plugin is named 'set-headers'\n  fix: did you mean 'set-header'?\n") == run(
        capsys, "set-headers"
    )


@pytest.mark.usefixtures("stranger")
def test_a_plugin_that_cannot_be_used_is_status_1_with_the_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = run(capsys, "acme-kafka")
    assert 1 == status
    assert err.endswith("\n  fix: pip install 'acme-policies[kafka]'\n")
