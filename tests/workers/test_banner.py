"""What the start says."""

from __future__ import annotations

import textwrap
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import attrs
from apim_sdk import Policy, Posture, Status
from support.gateway import LocalPoint

from apim_core.config import load
from apim_core.config.server import Address
from apim_core.registry import GROUP, Registry
from apim_core.workers.banner import Banner

LOOPBACK = Address("127.0.0.1", 8080)


@attrs.frozen
class Unripe(Policy):
    """Unripe."""

    status = Status.EXPERIMENTAL
    posture = Posture.TRUSTED_CLIENTS

    def on_request(self, exchange: Any) -> None:
        pass


def banner(folder: Path, text: str, **changes: Any) -> Banner:
    file = folder / "apim.yaml"
    file.write_text(textwrap.dedent(text))
    facts = {
        "configuration": load(file),
        "addresses": (LOOPBACK,),
        "management": Address("127.0.0.1", 8081),
        "workers": 1,
        "registry": Registry([*entry_points(group=GROUP), LocalPoint("unripe", Unripe)]),
    }
    return Banner(**{**facts, **changes})


def test_a_few_lines_say_what_listens_and_what_is_loaded(tmp_path: Path) -> None:
    text = """
        listen: 127.0.0.1:8080
        apis:
          - name: orders
            version: "1.1"
            context: /orders
            endpoint: {mock: {}}
            plans: [{name: gold, authentication: {api-key: {}}}]
            operations: [{match: GET /}, {match: POST /}]
    """

    lines = [line for line in banner(tmp_path, text, workers=4).lines() if not line.startswith("note")]

    assert lines == [
        "listens on  http://127.0.0.1:8080, 4 processes",
        "management  http://127.0.0.1:8081",
        "serves      1 API, 2 operations: orders 1.1 at /orders",
        "plugins     api-key, mock",
    ]


def test_many_apis_still_give_one_line(tmp_path: Path) -> None:
    apis = "\n".join(f"  - {{name: api-{n}, context: /{n}, endpoint: {{mock: {{}}}}}}" for n in range(500))

    serves = banner(tmp_path, f"apis:\n{apis}").lines()[2]

    assert serves.startswith("serves      500 APIs, 0 operations: api-0 1.0 at /0, ")
    assert serves.endswith(" and 488 more")


def test_what_is_unusual_is_said(tmp_path: Path) -> None:
    text = """
        trusted_proxies: [0.0.0.0/0]
        flows: {request: [{unripe: {}}]}
        apis:
          - {name: shut, context: /a, endpoint: {mock: {}}}
          - {name: wide, context: /b, endpoint: {mock: {}}, plans: [{name: p, authentication: {keyless: {}}}]}
    """
    everywhere = Address("0.0.0.0", 8080)

    remarks = list(banner(tmp_path, text, addresses=(everywhere,), management=everywhere).remarks())

    assert [remark for remark in remarks if "root" not in remark] == [
        "the management port is open to the network (0.0.0.0:8080): keep clients away from it",
        "open to everybody, without a credential: wide",
        "closed to everybody, as there is no plan: shut",
        "plain HTTP on 0.0.0.0:8080, which the network reaches",
        "every address is a trusted proxy: any client can pretend to be another",
        "experimental plugins: unripe",
        "plugins that must not face untrusted clients: unripe",
    ]


def test_nothing_unusual_is_said_of_a_plain_start(tmp_path: Path) -> None:
    text = """
        apis: [{name: a, context: /a, endpoint: {mock: {}}, plans: [{name: p, authentication: {api-key: {}}}]}]
    """

    assert [remark for remark in banner(tmp_path, text).remarks() if "root" not in remark] == []
