"""How fast the resident authorization server issues tokens: `python -m bench.issuing [--seconds N] [--rounds N]`.

For each algorithm a gateway of one worker is asked for tokens (client credentials, ephemeral) over keep-alive
connections, and its CPU time is divided by the tokens issued. The bare cost of a signature is measured in between, on
the same core: `cryptography` signing the bytes that a token has, and `joserfc` encoding a token of the same claims.
What the gateway needs for an answer without a token (the key set, from the same endpoint) is measured too: it is what
HTTP, routing and the plan cost. All figures are microseconds of CPU; the middle of several rounds, with the least and
the greatest.
"""

import argparse
import json
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import attrs

from bench.affinity import Cores, cores_of_this_machine, pinned
from bench.cpu import cpu_seconds
from bench.install import PROGRAMS, Missing, find, provide_gateway
from bench.load import Load, Wrk
from bench.probe import answers_200
from bench.process import Running, free_port, start
from bench.requests import request

BUDGET = 1.6
"""The most that a token may cost, in bare signatures."""
ALGORITHMS = ("RS256", "ES256", "EdDSA")
CLIENT = ("shop", "the-secret-of-the-shop")
CONFIGURATION = """\
listen: 127.0.0.1:{port}
management: {{enabled: false}}
stores: {{main: {{{store}}}}}
key_managers:
  resident:
    resident:
      issuer: http://127.0.0.1:{port}/oauth2
      store: main
      algorithm: {algorithm}
      scopes: {{orders.read: {{}}}}
      clients: {{{client[0]}: {{secret: {client[1]}, scopes: [orders.read]}}}}
apis:
  - name: authorization-server
    context: /oauth2
    endpoint: {{authorization-server: {{key_manager: resident}}}}
    plans: [{{name: public, authentication: {{keyless: {{}}}}}}]
    operations: [{{match: "* /*"}}]
"""
SIGNATURES = 300
"""Signatures of one round of the bare cost."""


@attrs.frozen
class Costs:
    """Microseconds of CPU, a round each."""

    bare: list[float] = attrs.field(factory=list)
    encoded: list[float] = attrs.field(factory=list)
    token: list[float] = attrs.field(factory=list)
    floor: list[float] = attrs.field(factory=list)
    per_second: list[float] = attrs.field(factory=list)


def configuration(port: int, algorithm: str, store: str = "memory: {}") -> str:
    """What a gateway that issues tokens by this algorithm is told."""
    return CONFIGURATION.format(port=port, algorithm=algorithm, client=CLIENT, store=store)


def token_request() -> bytes:
    """A token request as a client library sends it: name and secret in the form."""
    form = {"grant_type": "client_credentials", "client_id": CLIENT[0], "client_secret": CLIENT[1]}
    body = urlencode(form).encode()
    head = (
        "POST /oauth2/token HTTP/1.1\r\nHost: api.example.com\r\nUser-Agent: python-requests/2.32\r\nAccept: */*\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def claims() -> dict[str, Any]:
    """Claims such as the server's own."""
    issuer, now = "http://127.0.0.1:8080/oauth2", int(time.time())
    about = {"iss": issuer, "sub": CLIENT[0], "aud": issuer, "client_id": CLIENT[0], "azp": CLIENT[0]}
    terms = {"aut": "APPLICATION", "scope": "orders.read", "iat": now, "exp": now + 3600}
    return {**about, **terms, "jti": secrets.token_urlsafe(16)}


def signers(algorithm: str) -> tuple[Callable[[], object], Callable[[], object]]:
    """Functions that sign the bytes of a token, and that encode a token."""
    import warnings

    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding
    from joserfc import jwt
    from joserfc.jwk import ECKey, OKPKey, RSAKey

    warnings.simplefilter("ignore")  # joserfc calls the name EdDSA deprecated
    data = os.urandom(450)
    sha256, pkcs1 = hashes.SHA256(), padding.PKCS1v15()
    key: Any
    if algorithm == "RS256":
        key = RSAKey.generate_key(2048)
    elif algorithm == "ES256":
        key = ECKey.generate_key("P-256")
    else:
        key = OKPKey.generate_key("Ed25519")
    more = {"RS256": (pkcs1, sha256), "ES256": (ec.ECDSA(sha256),), "EdDSA": ()}[algorithm]
    private, header = key.private_key, {"alg": algorithm, "typ": "at+jwt", "kid": "x" * 43}
    return lambda: private.sign(data, *more), lambda: jwt.encode(header, claims(), key, algorithms=[algorithm])


def bare_costs(algorithm: str) -> tuple[float, float]:
    """Microseconds of CPU that a signature, and an encoded token, take in this process."""
    results = []
    for work in signers(algorithm):
        work()
        began = time.process_time()
        for _ in range(SIGNATURES):
            work()
        results.append((time.process_time() - began) / SIGNATURES * 1e6)
    return results[0], results[1]


def measured_apart(algorithm: str, python: Path, cores: Cores) -> tuple[float, float]:
    """`bare_costs` in a process of its own on the gateway's core."""
    command = pinned((str(python), "-m", "bench.issuing", "--bare", algorithm), cores.gateway)
    first, second = json.loads(subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout)
    return first, second


def gateway(algorithm: str, store: str, python: Path, cores: Cores, folder: Path) -> Running:
    """A gateway beside this interpreter that issues tokens by this algorithm."""
    port = free_port()
    place = Path(tempfile.mkdtemp(prefix=f"{algorithm}-", dir=folder))
    file = place / "apim.yaml"
    file.write_text(configuration(port, algorithm, store))
    command = (str(python.with_name("apim")), "run", str(file))
    ready = answers_200(token_request())
    return start("apim", command, port=port, cores=cores.gateway, folder=place, ready=ready)


def per_answer(running: Running, load: Load, wrk: Wrk, seconds: float) -> tuple[float, float]:
    """Microseconds of the gateway's CPU an answer, and answers a second."""
    requests = load.write(running.folder / "requests")
    before = cpu_seconds(running.process_id)
    figures = wrk.run(running.port, requests, seconds=seconds)
    used = cpu_seconds(running.process_id) - before
    if figures.errors:
        raise RuntimeError(f"{figures.errors} of {figures.requests} requests failed")
    return used / figures.requests * 1e6, figures.per_second


def measure(algorithm: str, options: argparse.Namespace, cores: Cores, wrk: Wrk, folder: Path) -> Costs:
    """All costs of one algorithm, in interleaved rounds."""
    costs = Costs()
    running = gateway(algorithm, options.store, options.python, cores, folder)
    try:
        tokens, keys = Load((token_request(),)), Load((request("/oauth2/jwks"),))
        per_answer(running, tokens, wrk, 1.0)  # the first of all are slower
        for _ in range(options.rounds):
            bare, encoded = measured_apart(algorithm, options.python, cores)
            costs.bare.append(bare)
            costs.encoded.append(encoded)
            token, per_second = per_answer(running, tokens, wrk, options.seconds)
            costs.token.append(token)
            costs.per_second.append(per_second)
            costs.floor.append(per_answer(running, keys, wrk, options.seconds)[0])
    finally:
        running.stop()
    return costs


def figure(values: list[float], digits: int = 0) -> str:
    """The middle of the rounds, with least and greatest."""
    return f"{statistics.median(values):,.{digits}f} ({min(values):,.{digits}f} .. {max(values):,.{digits}f})"


def show(algorithm: str, costs: Costs) -> None:
    """Print what was measured."""
    ratios = [token / bare for token, bare in zip(costs.token, costs.bare, strict=True)]
    beyond = [token - floor for token, floor in zip(costs.token, costs.floor, strict=True)]
    verdict = "holds" if statistics.median(ratios) <= BUDGET else "BROKEN"
    print(f"{algorithm}: {figure(costs.per_second)} tokens/s on one core")
    print(f"  a token               {figure(costs.token)} us")
    print(f"  a bare signature      {figure(costs.bare)} us")
    print(f"  a token by joserfc    {figure(costs.encoded)} us")
    print(f"  the key set           {figure(costs.floor)} us: what any answer of this endpoint costs")
    print(f"  a token beyond that   {figure(beyond)} us")
    print(f"  token / signature     {figure(ratios, 2)}, budget {BUDGET}: {verdict}", flush=True)


def arguments(given: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.issuing", description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a timed run (default 2)")
    parser.add_argument("--rounds", type=int, default=5, help="timed runs of each (default 5)")
    parser.add_argument("--connections", type=int, default=32, help="keep-alive connections (default 32)")
    parser.add_argument("--algorithms", default=",".join(ALGORITHMS), help="comma-separated (default: all three)")
    parser.add_argument("--store", default="memory: {}", help="the store, in YAML (default `memory: {}`)")
    parser.add_argument("--python", type=Path, help="interpreter beside which apim is installed (default: Debian's)")
    parser.add_argument("--bare", choices=ALGORITHMS, help=argparse.SUPPRESS)
    return parser.parse_args(given)


def main(given: list[str]) -> int:
    """Measure and print. Status 1: something that is needed is not there."""
    options = arguments(given)
    if options.bare:
        print(json.dumps(bare_costs(options.bare)))
        return 0
    wrk = find(next(program for program in PROGRAMS if program.name == "wrk"))
    if wrk is None:
        print("wrk is needed: install it by `python -m bench --rows plain --quick`", file=sys.stderr)
        return 1
    try:
        options.python = options.python or provide_gateway()
    except Missing as missing:
        print(missing, file=sys.stderr)
        return 1
    cores = cores_of_this_machine()
    with tempfile.TemporaryDirectory(prefix="apim-issuing-") as folder:
        for algorithm in options.algorithms.split(","):
            load = Wrk(wrk, options.connections, cores.load)
            show(algorithm, measure(algorithm, options, cores, load, Path(folder)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
