"""``serverVariables``: the variables in the URL of a server, and those that are described."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice, product
from typing import Any, Final
from urllib.parse import quote, urlsplit

import attrs
from apim_sdk.governance import JSONPath, RuleContext, RulesetFunction, Violation

from apim_governance.functions.options import Options

__all__ = ["ServerVariables", "variables_in"]

_VARIABLE: Final = re.compile(r"\{([^{}]+)\}")
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_KEPT: Final = ";,/?:@&=+$-_.!~*'()#"
"""What ``encodeURI`` of ECMAScript leaves as it is, beside letters and digits."""
_MOST_TOLD: Final = 5
_MOST_TRIED: Final = 10_000
_MEMBERS: Final = {"enum": list, "default": str, "description": str, "examples": str}


@attrs.frozen
class ServerVariables(RulesetFunction):
    """Looks at a server: its URL's variables are described, those described are used, and what they stand for makes
    URLs."""

    check_substitutions: bool = False
    """Whether to put values into the URL and see what comes of it."""
    require_default: bool = False
    """Whether each variable must have a default."""

    @classmethod
    def from_options(cls, written: Any) -> ServerVariables:
        """See ``functions.function``."""
        if written is None:
            return cls()
        names = ("checkSubstitutions", "requireDefault")
        options = Options("serverVariables", written, names, '{ "checkSubstitutions": true }')
        made = cls(*(options.get(name, bool, "accepts only the following types: boolean", False) for name in names))
        options.check()
        return made

    def check(self, target: Any, context: RuleContext) -> Iterable[str | Violation]:
        if not _is_server(target):
            yield "Invalid Server Object"
            return
        url, place = target["url"], (*context.path, "variables")
        variables: dict[str, Any] = target.get("variables", {})
        used = variables_in(url)
        for name in variables:
            if name not in used:
                text = f"""Server's "variables" object has unused defined "{name}" url variable."""
                yield Violation(text, (*place, name))
        missing = [name for name in used if name not in variables]
        if missing:
            text = (
                f"""Not all server's variables are described with "variables" object. Missed: {", ".join(missing)}."""
            )
            yield Violation(text, place)
        if not used or "variables" not in target:
            return
        described = {name: variable for name, variable in variables.items() if name in used}
        for name, variable in described.items():
            yield from self._variable(name, variable, (*place, name))
        if self.check_substitutions:
            yield from _substituted(url, described, place)

    def _variable(self, name: str, variable: dict[str, Any], place: JSONPath) -> Iterator[Violation]:
        default = variable.get("default")
        if default is not None and "enum" in variable and default not in variable["enum"]:
            yield Violation(f'Server Variable "{name}" has a default not listed in the enum.', (*place, "default"))
        if default is None and self.require_default:
            yield Violation(f'Server Variable "{name}" has a missing default.', place)


def variables_in(url: str) -> list[str]:
    """The names in braces, each once."""
    return list(dict.fromkeys(_VARIABLE.findall(url)))


def _is_server(target: Any) -> bool:
    if not isinstance(target, dict) or not isinstance(target.get("url"), str):
        return False
    variables = target.get("variables", {})
    return isinstance(variables, dict) and all(map(_is_variable, variables.values()))


def _is_variable(variable: Any) -> bool:
    if not isinstance(variable, dict):
        return False
    for name, value in variable.items():
        wanted = _MEMBERS.get(name)
        if wanted is None and not name.startswith("x-"):
            return False
        if wanted is not None and not isinstance(value, wanted):
            return False
    return all(isinstance(each, str) for each in variable.get("enum", ()))


def _substituted(url: str, described: dict[str, Any], place: JSONPath) -> Iterator[Violation]:
    values = [
        variable["enum"] if "enum" in variable else [variable["default"]] if "default" in variable else []
        for variable in described.values()
    ]
    if not values:
        return
    invalid = list(islice((each for each in _urls(url, list(described), values) if not _is_url(each)), _MOST_TOLD))
    if len(invalid) == _MOST_TOLD:
        text = f"At least 5 substitutions of server variables resulted in invalid URLs: {', '.join(invalid)} and more"
        yield Violation(text, place)
    elif invalid:
        text = f"A few substitutions of server variables resulted in invalid URLs: {', '.join(invalid)}"
        yield Violation(text, place)


def _urls(url: str, names: list[str], values: list[list[str]]) -> Iterator[str]:
    for chosen in islice(product(*values), _MOST_TRIED):
        made = url
        for name, value in zip(names, chosen, strict=True):
            made = made.replace(f"{{{name}}}", quote(value, safe=_KEPT))
        yield made


def _is_url(text: str) -> bool:
    """Whether it is an absolute URL, as the URL standard reads them."""
    if not _SCHEME.match(text.strip()):
        return False
    try:
        parts = urlsplit(text.strip())
        _ = parts.port
    except ValueError:
        return False
    if parts.scheme in ("http", "https", "ws", "wss", "ftp"):
        return bool(parts.hostname) and not set(parts.netloc) & set('{} <>^|\\`"')
    return True
