"""``apim new plugin NAME``: make the distribution of a plugin, with a test that passes."""

from __future__ import annotations

import argparse
import keyword
import re
import sys
from collections.abc import Iterator
from importlib.machinery import PathFinder
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from apim_core.registry import Registry

if TYPE_CHECKING:
    Parsers = argparse._SubParsersAction[argparse.ArgumentParser]

__all__ = ["KINDS", "Names", "NewPluginError", "add", "create"]

KINDS = ("policy", "authenticator", "endpoint", "sink")
"""The kinds of which there is a template."""

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


class NewPluginError(Exception):
    """The plugin cannot be made; the text says why and what to do."""


@attrs.frozen
class Names:
    """What a plugin is called: in a configuration, as a module, as a class."""

    name: str

    @property
    def module(self) -> str:
        """``my-policy`` lives in ``my_policy``."""
        return self.name.replace("-", "_")

    @property
    def class_name(self) -> str:
        """``my-policy`` is ``MyPolicy``."""
        return "".join(part.capitalize() for part in self.name.split("-"))

    def fill(self, text: str) -> str:
        """The text of a template with these names in the place of the template's own."""
        return (
            text.replace("my-plugin", self.name).replace("my_plugin", self.module).replace("MyPlugin", self.class_name)
        )


def add(parsers: Parsers) -> None:
    """Add the verb ``new`` to the command line."""
    new = parsers.add_parser("new", help="make the distribution of a plugin of your own")
    things = new.add_subparsers(title="things", metavar="THING", required=True)
    plugin = things.add_parser(
        "plugin",
        help="a plugin: pyproject.toml, one module, a test that passes",
        description="Make a folder NAME with the distribution of a plugin: one module, tests, a gateway that uses it.",
    )
    plugin.add_argument("name", metavar="NAME", help="its name, the word in a configuration: lower case and hyphens")
    plugin.add_argument("--kind", choices=KINDS, default="policy", help="what it is (default: %(default)s)")
    plugin.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Make the plugin in the working directory; the exit code is 1 if that cannot be."""
    try:
        folder = create(arguments.name, arguments.kind, Path.cwd(), Registry())
    except NewPluginError as error:
        print(f"apim new plugin: {error}", file=sys.stderr)
        return 1
    names = Names(arguments.name)
    print(f"made {folder.name}/ with {names.module}.py, its tests, and a gateway.yaml that uses it; now:")
    print(f"  pip install -e {folder.name}")
    print(f"  pytest {folder.name}")
    print(f"  apim run {folder.name}/gateway.yaml")
    return 0


def create(name: str, kind: str, parent: Path, registry: Registry) -> Path:
    """Make the folder ``name`` in ``parent``, out of the template of ``kind``. Raises NewPluginError."""
    folder = parent / name
    _check(Names(name), folder, registry)
    template = template_folder()
    made = [
        (folder / Names(name).fill(path), Names(name).fill(source.read_text("utf-8")))
        for part in ("project", kind)
        for path, source in _walk(template / part)
    ]
    for target, text in made:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")
    return folder


def template_folder() -> Traversable:
    """Where the template is: beside this module in a wheel, in ``sdk/template`` in a checkout."""
    shipped = files("apim_core.cli") / "template"
    if shipped.is_dir():
        return shipped
    checkout = Path(__file__).parents[2] / "sdk" / "template"
    if checkout.is_dir():
        return checkout
    raise NewPluginError(f"the template is missing from this installation: it is neither {shipped} nor {checkout}")


def _check(names: Names, folder: Path, registry: Registry) -> None:
    name = names.name
    if _NAME.fullmatch(name) is None:
        close = re.sub(r"[^a-z0-9]+", "-", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()).strip("-0123456789")
        hint = f", such as {close!r}" if _NAME.fullmatch(close) else ""
        raise NewPluginError(f"{name!r} is no name of a plugin: use lower-case words with hyphens between them{hint}")
    if name in registry.names:
        raise NewPluginError(f"{name!r} is the name of an installed plugin (`apim plugins {name}`): take another name")
    if keyword.iskeyword(names.module) or names.module in sys.stdlib_module_names or PathFinder.find_spec(names.module):
        raise NewPluginError(
            f"{name!r} would hide the Python module {names.module!r}: take a longer name, such as '{name}-policy'"
        )
    if folder.exists():
        raise NewPluginError(f"{folder.name!r} exists already: take another name or remove it")


def _walk(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, Traversable]]:
    """The files of a template with their paths, without what running them has left."""
    for entry in sorted(folder.iterdir(), key=_name):
        if entry.name.startswith(("__pycache__", ".")):
            continue
        if entry.is_dir():
            yield from _walk(entry, f"{prefix}{entry.name}/")
        else:
            yield f"{prefix}{entry.name}", entry


def _name(entry: Any) -> str:
    return str(entry.name)
