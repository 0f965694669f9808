"""What each part of the secured row costs: `python -m bench.secured_path [--tokens N]`.

The gateway runs in this process, without sockets and without a backend: requests are handed to it as a listener does,
and the endpoint is `mock`. Each line is a gateway that does one thing more than the line before; the difference is what
that thing costs. Records are written apart, as the sink does it off the request path. The batches of all run in turn,
and the best of each counts, for what else runs on the machine only ever adds. With `--instructions`, valgrind counts
what the processor executes instead, which others on the machine hardly change; that takes some minutes.
"""

import argparse
import asyncio
import functools
import gc
import itertools
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from ipaddress import IPv4Address
from math import inf
from pathlib import Path
from typing import Any, cast

import attrs
import yaml
from apim_sdk.body import Body
from apim_sdk.headers import Headers
from apim_sdk.identity import Client
from apim_sdk.messages import Request, Response

from apim_core.config import Configuration, load
from apim_core.config.server import Log
from apim_core.gateway import Gateway
from apim_core.http.framing import PLAIN
from apim_core.http.stream import Stream
from apim_core.logging import configure_logging
from apim_core.snapshot import Snapshot
from bench.install import Missing
from bench.peers.apim import gateway as document_of
from bench.requests import TYPICAL_HEADERS
from bench.rows.secured import CACHE
from bench.service import PATH, Service
from bench.tokens import Tokens, tokens_for

BATCH = 1000
COUNTED = 100
CLIENT = Client(IPv4Address("127.0.0.1"), 50_000)


class Answered(Stream):
    """A request that no connection waits for: its answer is kept."""

    __slots__ = ("response",)

    def __init__(self, request: Request) -> None:
        super().__init__(cast(Any, None), request, CLIENT, PLAIN, 0.0)
        self.response: Response | None = None

    async def respond(self, response: Response) -> None:
        """Keep the answer."""
        self.response = response

    def respond_at_once(self, response: Response) -> bool:
        """Keep the answer."""
        self.response = response
        return True


def requests_of(tokens: tuple[str, ...]) -> Iterator[Answered]:
    """Endless requests with the tokens in turn, of new bytes as they come off a connection."""
    fields = [(name.encode(), value.encode()) for name, value in TYPICAL_HEADERS]
    for token in itertools.cycle(tokens):
        headers = Headers.from_raw([*fields, (b"Authorization", b"Bearer " + token.encode())])
        yield Answered(Request.arrived("GET", PATH, "", headers, Body(b""), "api.example.com", "http"))


def stages(tokens: Tokens, folder: Path) -> tuple[tuple[str, dict[str, Any]], ...]:
    """Documents of the gateways, each with more to do than the one before."""

    def document(service: Service) -> dict[str, Any]:
        made = document_of(service, 0, folder)
        made["apis"][0]["endpoint"] = {"mock": {}}
        made["management"] = {"enabled": False}
        return made

    (folder / "jwks.json").write_text(tokens.key_set)
    everything = document(Service(0, tokens=tokens))
    steps = everything["apis"][0]["flows"]["request"]
    plain, known = document(Service(0)), document(Service(0, tokens=tokens, only_authenticate=True))
    scoped = {**known, "apis": [{**known["apis"][0], "operations": everything["apis"][0]["operations"]}]}
    limited = {name: value for name, value in everything.items() if name != "sinks"}
    return (
        ("plain", plain),
        ("known token and subscription", known),
        ("scope", scoped),
        (f"{len(steps) + 1} limits", limited),
        ("a record, taken", everything),
    )


def configuration_of(document: dict[str, Any], folder: Path) -> Configuration:
    path = folder / "gateway.yaml"
    path.write_text(yaml.safe_dump(document))
    return load(path)


@attrs.define
class Subject:
    """A gateway that runs, and the best of its figures: of a request, and of the record of one."""

    name: str
    gateway: Gateway
    arriving: Iterator[Answered]
    request: float = inf
    record: float = inf

    @property
    def snapshot(self) -> Snapshot:
        """The only one there is."""
        assert self.gateway.snapshot is not None
        return self.gateway.snapshot

    async def serve(self, streams: list[Answered]) -> None:
        """Handle requests, one after the other."""
        handle = self.gateway.handle
        for stream in streams:
            await handle(stream)

    async def write(self) -> None:
        """Hand over the records that wait; more may follow."""
        await self.snapshot.recorder.stop()

    async def warm(self, tokens: int) -> None:
        """Have every token verified."""
        streams = list(itertools.islice(self.arriving, tokens))
        await self.serve(streams)
        await self.write()
        assert all(stream.response is not None and stream.response.status == 200 for stream in streams)

    async def time(self) -> None:
        """One batch."""
        streams = list(itertools.islice(self.arriving, BATCH))
        began = time.perf_counter()
        await self.serve(streams)
        self.request = min(self.request, (time.perf_counter() - began) / BATCH * 1e6)
        began = time.process_time()
        await self.write()
        self.record = min(self.record, (time.process_time() - began) / BATCH * 1e6)


async def opened(tokens: Tokens, folder: Path) -> tuple[Subject, ...]:
    """All gateways, warm."""
    subjects = []
    for name, document in stages(tokens, folder):
        gateway = Gateway(configure_logging(Log()))
        gateway.snapshot = await gateway.build(configuration_of(document, folder))
        subjects.append(Subject(name, gateway, requests_of(tokens.tokens)))
    for subject in subjects:
        await subject.warm(len(tokens.tokens))
    gc.collect()
    gc.freeze()
    return tuple(subjects)


async def timed(tokens: Tokens, batches: int, folder: Path) -> tuple[Subject, ...]:
    """Gateways whose batches ran in turn, so that what disturbs one disturbs all."""
    subjects = await opened(tokens, folder)
    for _ in range(batches):
        for subject in subjects:
            await subject.time()
    for subject in subjects:
        await subject.snapshot.stop()
    return subjects


def run_counted(tokens: Tokens, folder: Path) -> None:
    """Serve and write a batch with each gateway where the counter looks: inside of the C function for ``reduce``."""
    loop = asyncio.new_event_loop()
    counted = partial(functools.reduce, lambda _, work: loop.run_until_complete(work()))
    subjects = loop.run_until_complete(opened(tokens, folder))
    gc.disable()
    for subject in subjects:
        streams = list(itertools.islice(subject.arriving, COUNTED))
        counted([partial(subject.serve, streams)], None)
        counted([subject.write], None)
    loop.close()


def counts(folder: Path) -> tuple[Subject, ...]:
    """Run this program under valgrind, and read the thousands of instructions a request."""
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        raise Missing("valgrind", "apt-get install valgrind")
    watch = [f"--{each}=functools_reduce" for each in ("toggle-collect", "dump-after")]
    program = [sys.executable, "-m", "bench.secured_path", "--counted", f"--tokens={COUNTED}"]
    command = [valgrind, "--tool=callgrind", "--collect-atstart=no", f"--callgrind-out-file={folder}/out", *watch]
    subprocess.run([*command, *program], check=True, capture_output=True, timeout=1800)
    dumps = sorted(folder.glob("out.*"), key=lambda path: int(path.suffix[1:]))
    totals = [float(path.read_text().rpartition("totals:")[2]) / COUNTED / 1000 for path in dumps]
    names = [name for name, _ in stages(tokens_for(COUNTED, CACHE), folder)]
    figures = totals[-2 * len(names) :]  # before those, modules that reduce something when they are imported
    gateways = zip(names, figures[::2], figures[1::2], strict=True)
    return tuple(Subject(name, cast(Any, None), iter(()), request, record) for name, request, record in gateways)


def show(subjects: tuple[Subject, ...], unit: str) -> None:
    """A line a gateway."""
    print(f"{unit:32}{'a request':>14}{'more':>8}")
    before = 0.0
    for subject in subjects:
        print(f"{subject.name:32}{subject.request:14.2f}{subject.request - before:8.2f}")
        before = subject.request
    last = subjects[-1]
    print(f"{'the record, written':32}{last.request + last.record:14.2f}{last.record:8.2f}")


def main(given: list[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.secured_path", description=__doc__)
    parser.add_argument("--tokens", type=int, default=1000, help="distinct tokens (default 1000)")
    parser.add_argument("--batches", type=int, default=60, help="batches of a thousand (default 60)")
    parser.add_argument("--instructions", action="store_true", help="count instructions with valgrind")
    parser.add_argument("--counted", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(given)
    with tempfile.TemporaryDirectory(prefix="apim-path-") as name:
        folder = Path(name)
        if options.instructions:
            show(counts(folder), "thousand instructions")
        elif options.counted:
            run_counted(tokens_for(options.tokens, CACHE), folder)
        else:
            show(asyncio.run(timed(tokens_for(options.tokens, CACHE), options.batches, folder)), "microseconds")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
