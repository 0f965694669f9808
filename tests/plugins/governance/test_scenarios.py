"""The scenarios of Spectral's command, played with ``apim lint``: what is typed, printed, and the exit status."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SHARED = Path(__file__).resolve().parents[3] / "../shared/conformance"
FILE = SHARED / "spectral-cli-scenarios" / "scenarios.json"
SCENARIOS: list[dict[str, Any]] = json.loads(FILE.read_text()) if FILE.is_file() else []
DIFFERENT = {
    "help-no-document": "it prints Spectral's help word by word; ours names our options, in our words",
    "formats/results-format-html": "a page of our own design, with rules and paths; see formatters/test_golden.py",
}
APIM = Path(sys.executable).with_name("apim")


def played(scenario: dict[str, Any], folder: Path) -> tuple[subprocess.CompletedProcess[str], dict[str, str]]:
    names = {"bin": str(APIM)}
    if "document" in scenario:
        (folder / "document").write_text(scenario["document"])
        names["document"] = str(folder / "document")
    for name, content in scenario.get("assets", {}).items():
        asset = folder / name
        asset.parent.mkdir(parents=True, exist_ok=True)
        asset.write_text(content)
        names[f"asset:{name}"] = str(asset)
    command = filled(scenario.get("command-nix") or scenario["command"], names)
    run = subprocess.run(
        ["bash", "-c", command], cwd=folder, text=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=60
    )
    return run, names


def filled(text: str, names: dict[str, str]) -> str:
    return re.sub(r"\{([^{}\n]+)\}", lambda found: names.get(found[1], found[0]), text)


def told(text: str) -> str:
    """A text without the empty lines around it."""
    return text.strip()


@pytest.mark.skipif(not SCENARIOS, reason="the conformance data is not beside this checkout")
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario["id"])
def test_the_command_prints_what_spectrals_prints(scenario: dict[str, Any], tmp_path: Path) -> None:
    run, names = played(scenario, tmp_path)

    if scenario["id"] not in DIFFERENT:
        assert told(filled(scenario["stdout"], names)) == told(run.stdout)
    if scenario.get("stderr"):
        assert told(filled(scenario["stderr"], names)) == told(run.stderr)
    if scenario.get("status") is not None:
        assert int(scenario["status"]) == run.returncode
