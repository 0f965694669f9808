"""The SDK as a whole: what it offers, and what it costs to import."""

import subprocess
import sys

import apim_sdk
import pytest


def test_everything_that_is_offered_is_there_and_offered_once():
    assert [] == [name for name in apim_sdk.__all__ if not hasattr(apim_sdk, name)]
    assert len({*apim_sdk.__all__}) == len(apim_sdk.__all__)


@pytest.mark.parametrize("name", [name for name in apim_sdk.__all__ if isinstance(getattr(apim_sdk, name), type)])
def test_each_class_that_is_offered_says_what_it_is(name):
    assert getattr(apim_sdk, name).__doc__


def modules_after(*statements):
    """The top-level modules that a fresh interpreter has after the statements."""
    program = "\n".join(["import sys", *statements, "print(*{name.partition('.')[0] for name in sys.modules})"])
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True, timeout=60)
    return {*done.stdout.split()}


def test_importing_it_brings_in_only_the_standard_library_attrs_and_pluggy():
    foreign = modules_after("import apim_sdk") - modules_after() - sys.stdlib_module_names

    assert foreign <= {"apim_sdk", "attr", "attrs", "pluggy"}


def test_the_test_kit_needs_neither_pytest_nor_hypothesis():
    modules = modules_after("import apim_sdk.testing, apim_sdk.testing.backend")

    assert set() == modules & {"pytest", "hypothesis"}
