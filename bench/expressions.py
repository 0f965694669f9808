"""How long a condition takes: `python -m bench.expressions [--json]`.

Evaluates typical conditions through `Program.test` over an exchange-like object whose resolvers are plain attribute and
dict reads, and prints nanoseconds for one evaluation: the least of several rounds, since other load only ever adds. If
the Rust-backed library `common-expression-language` can be imported, it evaluates the same conditions in the same run,
compiled beforehand. It takes a dict of values: one column has a dict made for each evaluation, as a gateway would have
to, the other one a dict that was ready.
"""

import argparse
import importlib
import json
import timeit
from collections.abc import Callable
from functools import partial
from typing import Any

import attrs

from apim_core.expressions import Environment, Lookup, Record
from apim_core.expressions.variables import Variable

BUDGET_NANOSECONDS = 1500
CONDITIONS = {
    "typical": "request.method == 'GET' && request.headers['x-tier'] == 'gold' && 'a' in claims.scope",
    "one comparison": "request.method == 'GET'",
    "decided early": "request.method == 'POST' && request.headers['x-tier'] == 'gold'",
    "prefix": "request.path.startsWith('/orders/')",
    "pattern": "request.path.matches('^/orders/[0-9]+$')",
    "membership": "request.method in ['GET', 'HEAD', 'OPTIONS']",
    "number": "request.size > 1000 && request.size <= 1048576",
    "macro": "claims.scope.exists(scope, scope.startsWith('b'))",
}
"""The first one has the budget."""


@attrs.define
class Request:
    method: str
    path: str
    size: int
    headers: dict[str, str]


@attrs.define
class Exchange:
    request: Request
    claims: dict[str, Any]


def make_exchange() -> Exchange:
    headers = {"host": "api.example", "x-tier": "gold", "accept": "*/*", "user-agent": "bench"}
    claims = {"sub": "ann", "scope": ["c", "b", "a"], "iss": "https://idp.example"}
    return Exchange(Request("GET", "/orders/17", 2048, headers), claims)


def make_environment() -> Environment:
    request: dict[str, Variable] = {
        "method": lambda exchange: exchange.request.method,
        "path": lambda exchange: exchange.request.path,
        "size": lambda exchange: exchange.request.size,
        "headers": Lookup(
            lambda exchange: exchange.request.headers, lambda exchange, name: exchange.request.headers.get(name)
        ),
    }
    claims = Lookup(lambda exchange: exchange.claims, lambda exchange, name: exchange.claims.get(name))
    return Environment({"request": Record(request), "claims": claims})


def nanoseconds(run: Callable[[], Any], rounds: int) -> float:
    """The least time of one call."""
    timer = timeit.Timer(run)
    number = max(1, timer.autorange()[0] // 20)
    return min(timer.repeat(repeat=rounds, number=number)) / number * 1e9


def as_values(exchange: Exchange) -> dict[str, Any]:
    """The exchange in the form that the peer takes."""
    request = exchange.request
    return {
        "request": {
            "method": request.method,
            "path": request.path,
            "size": request.size,
            "headers": request.headers,
        },
        "claims": exchange.claims,
    }


def compile_with_peer() -> Callable[[str], Callable[[dict[str, Any]], Any]] | None:
    """The compiler of `common-expression-language`, if it is installed."""
    try:
        cel = importlib.import_module("cel")
    except ImportError:
        return None
    return lambda source: cel.compile(source).execute


def measure(rounds: int) -> list[dict[str, Any]]:
    """One row for each condition: its name, our time, and the peer's two times if it is there."""
    exchange, environment, compile_peer = make_exchange(), make_environment(), compile_with_peer()
    values = as_values(exchange)
    rows = []
    for name, source in CONDITIONS.items():
        test = environment.compile(source).test
        row: dict[str, Any] = {"condition": name, "ns": nanoseconds(partial(test, exchange), rounds)}
        if compile_peer is not None:
            execute = compile_peer(source)
            assert execute(values) == test(exchange)
            row["peer_ns"] = nanoseconds(partial(_convert_and, execute, exchange), rounds)
            row["peer_ready_ns"] = nanoseconds(partial(execute, values), rounds)
        rows.append(row)
    return rows


def _convert_and(execute: Callable[[dict[str, Any]], Any], exchange: Exchange) -> Any:
    return execute(as_values(exchange))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print the rows as JSON")
    parser.add_argument("--rounds", type=int, default=40, help="rounds of each measurement")
    arguments = parser.parse_args()
    rows = measure(arguments.rounds)
    if arguments.json:
        print(json.dumps({"budget_ns": BUDGET_NANOSECONDS, "rows": rows}))
        return
    print(f"{'condition':16} {'ns':>8} {'peer':>8} {'peer, dict ready':>17}")
    for row in rows:
        peers = f"{row['peer_ns']:8.0f} {row['peer_ready_ns']:17.0f}" if "peer_ns" in row else f"{'-':>8} {'-':>17}"
        print(f"{row['condition']:16} {row['ns']:8.0f} {peers}")
    held = "holds" if rows[0]["ns"] <= BUDGET_NANOSECONDS else "DOES NOT HOLD"
    print(f"budget for the first: {BUDGET_NANOSECONDS} ns: {held}")


if __name__ == "__main__":
    main()
