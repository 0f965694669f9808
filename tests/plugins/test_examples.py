"""The example distributions install beside the gateway, pass their tests, and run."""

from pathlib import Path

import pytest

EXAMPLES = sorted(path.parent for path in (Path(__file__).parents[2] / "examples" / "plugins").glob("*/pyproject.toml"))


@pytest.fixture(params=EXAMPLES, ids=lambda folder: folder.name)
def example(request, environment):
    """A folder of an example that has been installed."""
    environment.run(f"pip install -e '{request.param}'", request.param)
    return request.param


def test_there_is_an_example():
    assert EXAMPLES


def test_its_tests_pass(example, environment):
    report = environment.run("pytest -q -W error -p no:cacheprovider", example)

    assert "passed" in report
    assert "skipped" not in report


def test_the_gateway_knows_it(example, environment):
    assert f"{example.name} 0.1.0" in environment.run("apim plugins", example)


def test_its_gateway_would_start(example, environment):
    environment.run("apim check gateway.yaml", example)
