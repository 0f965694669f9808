"""The conformance suite: what every plugin has to do, ours or a stranger's.

A plugin's own tests take it in with two lines:

    from apim_sdk.testing.conformance import suite

    test_conformance = suite("my-policy")

pytest then shows one test for each check, named as a sentence. The plugin must be installed (``pip install -e .``):
the suite finds it by its entry point, as the gateway does, and builds it out of its ``example``.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from apim_sdk.plugin import Plugin
from apim_sdk.policy import Policy
from apim_sdk.testing.building import installed
from apim_sdk.testing.conformance import concurrency, declaration, exercise, lifecycle, secrecy, streaming
from apim_sdk.testing.conformance.subject import Nonconformity, Subject, obliging_context
from apim_sdk.testing.context import FakeContext

__all__ = ["Check", "Nonconformity", "Subject", "checks_for", "examine", "suite"]

Check = Callable[[Subject], None]
"""Raises Nonconformity if the plugin is not as it has to be."""


def checks_for(plugin: type[Plugin]) -> tuple[Check, ...]:
    """The checks that a plugin of this kind has to pass."""
    checks: tuple[Check, ...] = declaration.CHECKS + exercise.CHECKS + lifecycle.CHECKS + secrecy.CHECKS
    if issubclass(plugin, Policy):
        checks += declaration.POLICY_CHECKS + streaming.CHECKS
    if issubclass(plugin, concurrency.KINDS):
        checks += concurrency.CHECKS
    return checks


def examine(subject: Subject, check: Check) -> None:
    """Run one check in an empty folder, where a plugin may leave the files that its example names."""
    with tempfile.TemporaryDirectory(prefix="apim-conformance-") as folder, contextlib.chdir(folder):
        check(subject)


def suite(
    *names: str, settings: Any = None, context: Callable[[], FakeContext] = obliging_context
) -> Callable[[Callable[[], None]], None]:
    """A test function for pytest, parametrised over the checks for the plugins of these names.

    ``settings`` stand in for the plugin's ``example``, ``context`` makes the context that it starts with, where it
    needs certain answers from the core. A plugin that cannot be found or imported is one test, which fails.
    """

    @pytest.mark.parametrize("run", list(_cases(names, settings, context)))
    def test_conformance(run: Callable[[], None]) -> None:
        run()

    return test_conformance


def _cases(names: Iterable[str], settings: Any, context: Callable[[], FakeContext]) -> Iterable[Any]:
    for name in names:
        try:
            plugin = installed(name).load()
        except Exception as error:  # whatever a stranger's module raises is that plugin's failure
            yield pytest.param(_failing(error), id=f"{name}-it_can_be_loaded")
            continue
        subject = Subject(name, plugin, plugin.example if settings is None else settings, context)
        for check in checks_for(plugin):
            yield pytest.param(_examination(subject, check), id=f"{name}-{check.__name__}")


def _examination(subject: Subject, check: Check) -> Callable[[], None]:
    return lambda: examine(subject, check)


def _failing(error: Exception) -> Callable[[], None]:
    def fail() -> None:
        raise Nonconformity(f"{type(error).__name__}: {error}") from error

    return fail
