"""``python -m bench.linting_growth``: how time and memory of ``apim lint`` grow with documents and with rules.

With documents, it measures only these: ``python -m bench.linting_growth --ruleset owasp stripe.json.gz``.

Whole processes are measured: the CPU time that they take, which neighbours on the machine disturb less than time on
the clock, and the most memory that was resident. Growth is told as an exponent: 1 is linear, less is slower than that.
It is the slope of a straight line through the logarithms, of what a run takes beyond one over next to nothing.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import linear_regression
from typing import Final

import attrs

from bench.api_definitions import write

MEGABYTES: Final = (1, 2, 4, 8, 16)
RULES: Final = (10, 50, 100, 200, 400)
RULES_OVER: Final = 2_000_000
"""Bytes of the document that rules are counted over."""
LINEAR: Final = 1.1
"""The exponent up to which growth counts as linear; above it what a run measures is not noise."""
SUBLINEAR: Final = 0.9
"""The exponent up to which growth counts as slower than linear."""
BYTES_PER_BYTE: Final = {"json": 40, "yaml": 100}
"""Bytes of memory for each byte of a document."""
BASE: Final = 64 << 20
"""Bytes of memory for a run over next to nothing."""
HARD: Final = 3 << 30
"""Bytes of memory that a greedy document may take."""
_SMALL: Final = 2_000


@attrs.frozen
class Cost:
    """What a process took: seconds of CPU time, bytes of memory."""

    seconds: float
    memory: int


def cost(document: Path, ruleset: Path, runs: int = 2) -> Cost:
    """The least of some runs of ``apim lint``."""
    costs = [_once(document, ruleset) for _ in range(runs)]
    return Cost(min(each.seconds for each in costs), min(each.memory for each in costs))


def _once(document: Path, ruleset: Path) -> Cost:
    """Of one run. Raises RuntimeError if it ends in anything but findings or none."""
    command = [str(Path(sys.executable).with_name("apim")), "lint", str(document), "-r", str(ruleset), "-f", "json"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryFile() as told:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=told, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        told.seek(0)
        error = told.read().decode(errors="replace").strip()
    if process.returncode not in (0, 1) or error:
        raise RuntimeError(f"apim lint {document.name} ended with {process.returncode}: {error[-500:]}")
    return Cost(usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """The power of the size that the cost grows with."""
    return linear_regression([math.log(each) for each in sizes], [math.log(each) for each in costs]).slope


def ruleset_of(rules: int) -> str:
    """A ruleset of that many rules: paths, descents and filters in turn, each with names of its own.

    They are made like those of real rulesets. They find nothing wrong, for what is told would be measured otherwise.
    """
    letter, camel = {"match": "a"}, {"type": "camel"}
    names = ("summary", "description", "operationId", "tags", "type", "format", "required", "schema", "content", "$ref")
    kinds = (
        ("$.paths[*][get,post,delete].{name}", {"function": "truthy"}),
        ("$..{name}", {"function": "length", "functionOptions": {"min": 1}}),
        ("$.components.schemas[*].properties[?(@property === '{name}')]", {"function": "defined"}),
        ("$..[?(@ && @.{name} && @.x{number})]", {"field": "x", "function": "pattern", "functionOptions": letter}),
        ("$.paths[*].*.responses[?(@property.match(/^[45]/))].{name}", {"function": "truthy"}),
        ("$.paths[*]..parameters[?(@.in === 'query')].x{number}", {"function": "casing", "functionOptions": camel}),
        ("$..[?(@ && @.x{number} === '{name}')]", {"function": "falsy"}),
        ("$.paths..content[*].schema.x{number}", {"function": "schema", "functionOptions": {"schema": {}}}),
    )  # fmt: skip
    made = {}
    for number in range(rules):
        path, then = kinds[number % len(kinds)]
        name = names[number % len(names)]
        made[f"rule-{number}"] = {"given": path.replace("{name}", name).replace("{number}", str(number)), "then": then}
    return json.dumps({"rules": made})


def main() -> int:
    """Print what was measured; 1 if growth is not what it should be, or memory is out of its bounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("documents", nargs="*", type=Path, help="they may be packed with gzip")
    parser.add_argument("--ruleset", default="spectral:oas", help="for documents (spectral:oas)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ruleset = folder / "extending.yaml"
        ruleset.write_text(f"extends: [{arguments.ruleset!r}]\n")
        if arguments.documents:
            return _given(folder, ruleset, arguments.documents)
        kept = [_documents(folder, ruleset, kind) for kind in BYTES_PER_BYTE]
        kept += [_rules(folder), _greedy(folder, ruleset)]
    return 0 if all(kept) else 1


def _given(folder: Path, ruleset: Path, documents: Sequence[Path]) -> int:
    """What documents cost that somebody has."""
    print("| document | MB | CPU time | memory |\n|---|---|---|---|")
    for document in documents:
        copy = folder / document.name.removesuffix(".gz")
        _aside(_copy, document, copy)
        taken = cost(copy, ruleset)
        size = copy.stat().st_size
        print(f"| {copy.name} | {size / 1e6:.1f} | {taken.seconds:.1f} s | {_mebibytes(taken.memory)} |", flush=True)
    return 0


def _copy(document: Path, copy: Path) -> None:
    content = document.read_bytes()
    copy.write_bytes(gzip.decompress(content) if document.suffix == ".gz" else content)


def _documents(folder: Path, ruleset: Path, kind: str) -> bool:
    """The growth with documents of a kind."""
    print(f"\n| {kind} | CPU time | for each MB | memory | bound |\n|---|---|---|---|---|")
    base = cost(_defined(folder, _SMALL, kind), ruleset, 5)
    sizes, seconds, memory, kept = [], [], [], True
    for megabytes in MEGABYTES:
        document = _defined(folder, megabytes * 1_000_000, kind)
        size = document.stat().st_size
        taken = cost(document, ruleset, 2 if megabytes < 8 else 1)
        bound = BASE + BYTES_PER_BYTE[kind] * size
        kept = kept and taken.memory <= bound
        sizes.append(size)
        seconds.append(taken.seconds - base.seconds)
        memory.append(taken.memory - base.memory)
        print(
            f"| {size / 1e6:.1f} MB | {taken.seconds:.1f} s | {seconds[-1] / size * 1e6:.2f} s "
            f"| {_mebibytes(taken.memory)} | {_mebibytes(bound)} |",
            flush=True,
        )
    return _told("time", exponent(sizes, seconds), LINEAR) & _told("memory", exponent(sizes, memory), LINEAR) & kept


def _rules(folder: Path) -> bool:
    """The growth with rules over one document."""
    print(f"\n| rules over {RULES_OVER / 1e6:.0f} MB | CPU time | beside no rules |\n|---|---|---|")
    document = _defined(folder, RULES_OVER, "json")
    none = cost(document, _written(folder, "none.json", ruleset_of(0)), 5)
    seconds = []
    for rules in RULES:
        taken = cost(document, _written(folder, f"{rules}.json", ruleset_of(rules)))
        seconds.append(taken.seconds - none.seconds)
        print(f"| {rules} | {taken.seconds:.1f} s | {taken.seconds / none.seconds:.2f} x |", flush=True)
    return _told("time", exponent(RULES, seconds), SUBLINEAR)


def _greedy(folder: Path, ruleset: Path) -> bool:
    """The documents that take the most: as many values as there may be, and one more than that."""
    from apim_governance.documents.limits import MOST_ALIASED, MOST_VALUES

    print("\n| greedy document | MB | CPU time | memory | bound |\n|---|---|---|---|---|")
    head = '{"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {}, "x": ['
    greedy = {
        "empty mappings.json": (head, "{},", MOST_VALUES // 2 - 20, "{}]}"),
        "mappings of one.json": (head, '{"a":1},', MOST_VALUES // 2 - 20, "1]}"),
        "lists of one.json": (head, "[1],", MOST_VALUES // 2 - 20, "1]}"),
        "numbers.json": (head, "1,", MOST_VALUES - 20, "1]}"),
        "names.yaml": ("openapi: 3.1.0\nx: [", "{a},", MOST_VALUES // 3 - 20, "{a}]\n"),
        "aliases.yaml": (
            "openapi: 3.1.0\na: &a [" + "{a: 1}," * 500 + "]\nx: [",
            "*a ,",
            MOST_ALIASED // 1_001 - 1,
            "1]\n",
        ),
        "too many.json": (head, "1,", MOST_VALUES, "1]}"),
        "too many.yaml": ("x: [", "1,", MOST_VALUES, "1]\n"),
    }
    kept = True
    for name, parts in greedy.items():
        document = folder / name
        _aside(_repeat, document, *parts)
        taken = cost(document, ruleset, 1)
        kept = kept and taken.memory <= HARD
        print(
            f"| {name} | {document.stat().st_size / 1e6:.1f} | {taken.seconds:.1f} s "
            f"| {_mebibytes(taken.memory)} | {_mebibytes(HARD)} |",
            flush=True,
        )
    return kept


def _repeat(path: Path, start: str, middle: str, times: int, end: str) -> None:
    path.write_text(start + middle * times + end)


def _written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    _aside(path.write_text, text)
    return path


def _defined(folder: Path, size: int, kind: str) -> Path:
    path = folder / f"{size}.{kind}"
    _aside(write, path, size, kind == "yaml")
    return path


def _aside(what: Callable[..., object], *arguments: object) -> None:
    """Do it in another process: the memory of this one would count as that of those it starts."""
    process = multiprocessing.get_context("fork").Process(target=what, args=arguments)
    process.start()
    process.join()
    if process.exitcode:
        raise RuntimeError(f"{what} ended with {process.exitcode}")


def _told(what: str, found: float, most: float) -> bool:
    print(
        f"{what} grows with the power {found:.2f} (at most {most}: {'kept' if found <= most else 'BROKEN'})", flush=True
    )
    return found <= most


def _mebibytes(size: float) -> str:
    return f"{size / (1 << 20):,.0f} MiB"


if __name__ == "__main__":
    sys.exit(main())
