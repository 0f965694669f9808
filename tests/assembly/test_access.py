"""What the assembly finds wrong with subscriptions and with the store for access."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

import attrs
import pytest
from apim_sdk import Store
from support.gateway import configuration, registry_with

from apim_core.assembly import Observer, assemble
from apim_core.config import ConfigErrors, locate_problems


@attrs.frozen
class Own(Store):
    """Each process has its own."""


@attrs.frozen
class Common(Store):
    """All processes have the same."""

    shared_by: ClassVar[Literal["process", "node", "network"]] = "node"


def problems(text: str, folder: Path) -> list[str]:
    """Line, column and message of each problem."""
    written = configuration(text, folder)
    try:
        assemble(written, registry_with(own=Own, common=Common), Observer(lambda *_: None, lambda _: None))
    except ConfigErrors as errors:
        return [f"{each.line}:{each.column}: {each.message}" for each in locate_problems(errors.problems)]
    return []


@pytest.mark.parametrize(
    ("workers", "store", "access", "expected"),
    [
        (1, "own", "main", []),
        (2, "common", "main", []),
        (2, "own", None, []),
        (2, "own", "main", ["3:10: each of 2 workers would have a store 'main' of its own"]),
    ],
)
def test_workers_need_a_store_that_processes_share(
    tmp_path: Path, workers: int, store: str, access: str | None, expected: list[str]
) -> None:
    rest = "" if access is None else f"access: {{store: {access}}}"
    assert expected == problems(f"workers: {workers}\nstores: {{main: {{{store}: {{}}}}}}\n{rest}\n", tmp_path)


def test_a_subscription_is_to_a_plan_that_any_version_of_the_api_has(tmp_path: Path) -> None:
    text = """
    apis:
      - {name: a, context: /a, endpoint: {mock: {}}, plans: [{name: old, authentication: {keyless: {}}}]}
      - {name: a, version: "2", context: /b, endpoint: {mock: {}}, plans: [{name: new, authentication: {keyless: {}}}]}
    applications:
      - name: shop
        subscriptions: [{api: a, plan: old}, {api: a, plan: new}, {api: a, plan: newer}]
    """
    assert ["7:63: API 'a' has no plan named 'newer'"] == problems(text, tmp_path)
