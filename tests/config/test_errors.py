"""What an operator is told: each ``errors/NAME.yaml`` has, beside it in ``NAME.txt``, the whole text of its refusal."""

from pathlib import Path

import pytest

from apim_core.config import ConfigErrors, load

ERRORS = Path(__file__).parent / "errors"
NAMES = sorted(file.stem for file in ERRORS.glob("*.yaml"))


@pytest.mark.parametrize("name", NAMES)
def test_the_refusal_reads_as_agreed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ERRORS)

    with pytest.raises(ConfigErrors) as refusal:
        load(f"{name}.yaml", environment={})

    assert (ERRORS / f"{name}.txt").read_text() == f"{refusal.value}\n"


def test_every_agreed_text_has_its_configuration() -> None:
    assert sorted(file.stem for file in ERRORS.glob("*.txt")) == NAMES


def test_no_refusal_shows_a_credential() -> None:
    texts = [file.read_text() for file in ERRORS.glob("*.txt")]

    assert [] == [text for text in texts if "s3cr3t" in text or "12345" in text]
