"""How single values are read: what cattrs is told for each type that may stand in a configuration.

Nothing is converted that loses or guesses: text is not a number, ``1.5`` is not a whole one, ``true`` is not 1.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from datetime import date, datetime, time
from enum import Enum
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from pathlib import Path
from typing import Any, Final, get_args
from uuid import UUID

from apim_sdk import Duration, Expression, MessageExpression, Regex, Secret, Size, Template
from apim_sdk.identity import KeyType

from apim_core.config.interpolation import UNREADABLE, Filled, SecretReference
from apim_core.config.model import ApplicationKey, Match
from apim_core.config.problems import did_you_mean
from apim_core.config.references import PluginReference, Step, TrustedKeyManager
from apim_core.config.server import Address

__all__ = [
    "BESIDE",
    "FOLDER",
    "LEAVES",
    "RESERVED_IN_KEY",
    "AlreadyNoted",
    "Refused",
    "choose",
    "choose_enum",
    "parts_of",
    "plugin_reference",
    "refusal",
    "written",
]

FOLDER: Final[ContextVar[Path | None]] = ContextVar("FOLDER", default=None)
"""What relative paths are relative to; a context variable, since cattrs hands hooks nothing but value and type."""

BESIDE: Final[Mapping[type, tuple[str, ...]]] = {
    Step: ("when", "when_message", "name", "on_error", "enabled"),
    TrustedKeyManager: ("tokens", "tenant", "roles", "enabled"),
}
"""What may be said of a plugin beside its name, by the class that holds both."""
_CALLED: Final = {Step: "a step", TrustedKeyManager: "a key manager"}

RESERVED_IN_KEY: Final = ("key_manager", "type", "expires", "addresses", "referers")


class Refused(ValueError):
    """A value that its place does not take. ``hint`` says what to write instead.

    ``of_another_kind`` tells a value that cannot have been meant for this type from one that is written badly.
    """

    def __init__(self, message: str, hint: str | None = None, *, of_another_kind: bool = False) -> None:
        super().__init__(message)
        self.hint = hint
        self.of_another_kind = of_another_kind


class AlreadyNoted(Refused):
    """The value could not even be read; its problem is noted elsewhere."""


def written(value: Any) -> str:
    """How a value is called in a message: its kind, and itself when it is short and no secret."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return f"the number {value}"
    if isinstance(value, str):
        return f"the text {value!r}" if len(value) <= 60 else "a text"
    return "a mapping" if isinstance(value, dict) else "a list" if isinstance(value, list) else str(value)


def refusal(expected: str, value: Any, hint: str | None = None) -> Refused:
    """The refusal of a value where ``expected`` should be."""
    if isinstance(value, SecretReference):
        return unresolved(value)
    if value is UNREADABLE:
        return AlreadyNoted("unreadable")
    if value is None:
        hint = hint or "remove the key, or give it a value"
    return Refused(f"expected {expected}, not {written(value)}", hint, of_another_kind=True)


def unresolved(reference: SecretReference) -> Refused:
    """The refusal of a secret that nobody can give."""
    return Refused(f"no secret provider {reference.provider!r} is configured", "use ${env:NAME} until there is one")


def text(value: Any, cls: Any = str) -> Any:
    """Text, and nothing else."""
    if value.__class__ is str:
        return value if cls is str else _subclass(value, cls)
    if value.__class__ is Filled:
        return text(str(value), cls)
    if cls is not str and issubclass(cls, Enum):
        choose_enum(value, cls)
    hint = "put it in quotes" if isinstance(value, (int, float)) else None
    raise refusal("text", value, hint)


def _boolean(value: Any, _: Any = None) -> Any:
    if value.__class__ is bool:
        return value
    hint = "YAML 1.2 knows only true and false" if value in ("yes", "no", "on", "off", "YES", "NO") else None
    raise refusal("true or false", value, hint)


def _integer(value: Any, cls: Any = int) -> Any:
    if value.__class__ is int:
        return value if cls is int else _subclass(value, cls)
    hint = "take the quotes away" if isinstance(value, str) and re.fullmatch(r"[-+]?\d+", value) else None
    raise refusal("a whole number", value, hint)


def _subclass(value: Any, cls: Any) -> Any:
    """A subclass of ``str`` or ``int``: an enum by its values, else what its constructor makes."""
    if issubclass(cls, Enum):
        return choose_enum(value, cls)
    return _made_of(cls, cls.__name__, value.__class__)(value, cls)


def _number(value: Any, _: Any = None) -> float:
    if value.__class__ is float or value.__class__ is int:
        try:
            return float(value)
        except OverflowError:
            raise refusal("a number that fits 64 bits", value) from None
    raise refusal("a number", value)


def _nothing(value: Any, _: Any = None) -> None:
    if value is not None:
        raise refusal("nothing", value)


def _made_of(make: Callable[[Any], Any], expected: str, *kinds: type) -> Callable[[Any, Any], Any]:
    """A hook that hands values of ``kinds`` to ``make``; what ``make`` refuses with ValueError is refused."""

    def hook(value: Any, _: Any = None) -> Any:
        value = str(value) if value.__class__ is Filled else value
        if value.__class__ not in kinds:
            raise refusal(
                expected, value, "put it in quotes" if expected == "text" and isinstance(value, (int, float)) else None
            )
        try:
            return make(value)
        except Refused:
            raise
        except (ValueError, TypeError, OverflowError, RecursionError) as error:
            raise Refused(str(error) or f"{written(value)} is not {expected}") from error

    return hook


def _internet(
    make: Callable[[str], Any], loose: Callable[[str], Any] | None, expected: str
) -> Callable[[Any, Any], Any]:
    """A hook for addresses or networks of one version of IP; ``loose`` finds the network that was meant."""
    colon = make.__name__.startswith("IPv6")

    def hook(value: Any, _: Any = None) -> Any:
        value = str(value) if value.__class__ is Filled else value
        if value.__class__ is not str or (":" in value) is not colon:
            raise refusal(expected, value)
        try:
            return make(value)
        except ValueError as error:
            hint = None
            if loose is not None and "host bits" in str(error):
                hint = f"write {loose(value)}"
            raise Refused(str(error), hint) from error

    return hook


def choose(value: Any, choices: Mapping[Any, Any]) -> Any:
    """One of a few values, compared with their types. ``choices`` has what is written and what it stands for."""
    value = str(value) if value.__class__ is Filled else value
    for choice, meaning in choices.items():
        if value.__class__ is choice.__class__ and value == choice:
            return meaning
    listed = ", ".join(str(choice) if isinstance(choice, str) else repr(choice) for choice in choices)
    raise refusal(f"one of {listed}", value, did_you_mean(value, [c for c in choices if isinstance(c, str)]))


def choose_enum(value: Any, cls: type[Enum]) -> Enum:
    """A member of an enum by its value."""
    member: Enum = choose(value, {member.value: member for member in cls})
    return member


def only_pair(value: Any, what: str, example: str) -> tuple[str, Any]:
    """Key and value of a mapping with one key."""
    if value.__class__ is not dict:
        hint = f"write {{{value}: {{}}}}" if isinstance(value, str) and re.fullmatch(r"[\w.-]+", value) else None
        raise refusal(f"a mapping of one key, {what}, such as {example}", value, hint)
    if len(value) != 1:
        keys = ", ".join(map(repr, value)) or "none"
        raise Refused(f"expected one key, {what}, such as {example}, but there is {keys}", "keep one")
    ((key, inner),) = value.items()
    return key, inner


def plugin_reference(value: Any, _: Any = None) -> PluginReference:
    """A plugin by its name, with its settings."""
    name, settings = only_pair(value, "the name of a plugin", "{mock: {status: 200}}")
    return PluginReference(name, {} if settings is None else settings)


def _application_key(value: Any, _: Any = None) -> ApplicationKey:
    """The kind of credential with its value, and what is said about it beside that."""
    example = '{api-key: "${env:NAME}"}'
    if value.__class__ is not dict:  # the value may be a credential: it must not be shown
        raise Refused(f"expected a mapping with the kind of credential as key, such as {example}")
    about = {key: inner for key, inner in value.items() if key in RESERVED_IN_KEY}
    kinds = {key: inner for key, inner in value.items() if key not in RESERVED_IN_KEY}
    if len(kinds) != 1:
        hint = f"beside it may stand {', '.join(RESERVED_IN_KEY)}"
        for key in kinds:
            hint = did_you_mean(key, RESERVED_IN_KEY) or hint
        found = ", ".join(map(repr, kinds)) or "none"
        raise Refused(f"expected one kind of credential, such as {example}, but there is {found}", hint)
    ((kind, secret),) = kinds.items()
    read = {key: KEY_OPTIONS[key](inner, None) for key, inner in about.items()}
    return ApplicationKey(text(kind), _secret(secret), **read)


def _network(value: Any, _: Any = None) -> Any:
    version = IPv6Network if isinstance(value, str) and ":" in value else IPv4Network
    return LEAVES[version](value, version)


def _listed(hook: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def each(value: Any, _: Any = None) -> Any:
        if value.__class__ is not list:
            raise refusal("a list", value, "begin each item with '- ', or use [brackets]")
        return tuple(hook(inner, None) for inner in value)

    return each


def _secret(value: Any, _: Any = None) -> Secret:
    if isinstance(value, SecretReference):
        raise unresolved(value)
    if value is UNREADABLE:
        raise AlreadyNoted("unreadable")
    if value.__class__ not in (str, Filled):  # a number may be the secret itself: it must not be shown
        hint = "put it in quotes" if isinstance(value, (int, float)) else None
        raise Refused("expected text for a secret", hint)
    return Secret(str(value))


def _path(value: Any, _: Any = None) -> Path:
    """A path, relative to the folder of the file that it was written in."""
    path = Path(text(value))
    folder = FOLDER.get()
    return path if folder is None else folder / path


def parts_of(value: Any, cls: type) -> tuple[dict[str, Any], dict[str, Any]]:
    """A plugin apart from what is said beside its name, where ``cls`` holds both."""
    beside, called = BESIDE[cls], _CALLED[cls]
    if value.__class__ is not dict:
        only_pair(value, "the name of a plugin", "{set-header: {...}}")
    plugin = {key: inner for key, inner in value.items() if key not in beside}
    about = {key: inner for key, inner in value.items() if key in beside}
    if len(plugin) != 1:
        keys = ", ".join(map(repr, plugin))
        words = ", ".join(beside)
        one = called.partition(" ")[2]
        message = f"{called} has one plugin, not {len(plugin)}: {keys}" if plugin else f"this {one} names no plugin"
        hint = f"beside the plugin's name {called} may have {words}; check the indentation of the plugin's settings"
        for key in plugin:
            hint = did_you_mean(key, beside) or hint
        raise Refused(message, hint)
    return plugin, about


def _key_manager(value: Any, _: Any = None) -> TrustedKeyManager:
    plugin, about = parts_of(value, TrustedKeyManager)
    return TrustedKeyManager(
        plugin_reference(plugin),
        tokens=choose(about.get("tokens", "direct"), {word: word for word in ("direct", "exchanged", "both")}),
        tenant=None if about.get("tenant") is None else text(about["tenant"]),
        roles=_listed(lambda each, _: text(each))(about.get("roles", []), None),
        enabled=_boolean(about.get("enabled", True)),
    )


def _step(value: Any, _: Any = None) -> Step:
    plugin, about = parts_of(value, Step)
    reference = plugin_reference(plugin)
    if not about:
        return Step(reference)
    when, when_message = about.get("when"), about.get("when_message")
    return Step(
        reference,
        when=None if when is None else LEAVES[Expression](when, Expression),
        when_message=None if when_message is None else LEAVES[MessageExpression](when_message, MessageExpression),
        name=None if about.get("name") is None else text(about["name"]),
        on_error=choose(about.get("on_error", "fail"), {word: word for word in ("fail", "skip", "run")}),
        enabled=_boolean(about.get("enabled", True)),
    )


LEAVES: Final[dict[Any, Callable[[Any, Any], Any]]] = {
    str: text,
    bool: _boolean,
    int: _integer,
    float: _number,
    type(None): _nothing,
    Duration: _made_of(Duration, "a duration such as 30s", str, int, float),
    Size: _made_of(Size, "a size such as 64KiB", str, int),
    Secret: _secret,
    Expression: _made_of(Expression, "a CEL expression", str),
    MessageExpression: _made_of(MessageExpression, "a CEL expression", str),
    Template: _made_of(Template, "text", str),
    Regex: _made_of(Regex, "a regular expression", str),
    Address: _made_of(Address.parse, "an address such as 127.0.0.1:8080", str),
    Match: _made_of(Match.parse, "a match such as GET /orders/{id}", str),
    ApplicationKey: _application_key,
    PluginReference: plugin_reference,
    Step: _step,
    TrustedKeyManager: _key_manager,
    Path: _path,
    UUID: _made_of(UUID, "a UUID", str),
    date: _made_of(date.fromisoformat, "a date such as 2026-01-31", str),
    datetime: _made_of(datetime.fromisoformat, "a date and time such as 2026-01-31T12:00:00Z", str),
    time: _made_of(time.fromisoformat, "a time of day such as 12:30", str),
    IPv4Address: _internet(IPv4Address, None, "an IPv4 address"),
    IPv6Address: _internet(IPv6Address, None, "an IPv6 address"),
    IPv4Network: _internet(IPv4Network, lambda text: IPv4Network(text, strict=False), "an IPv4 network as 10.0.0.0/8"),
    IPv6Network: _internet(IPv6Network, lambda text: IPv6Network(text, strict=False), "an IPv6 network as fd00::/8"),
    IPv4Interface: _internet(IPv4Interface, None, "an IPv4 interface"),
    IPv6Interface: _internet(IPv6Interface, None, "an IPv6 interface"),
}

KEY_OPTIONS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "key_manager": lambda value, _: text(value),
    "type": lambda value, _: choose(value, {word: word for word in get_args(KeyType)}),
    "expires": LEAVES[datetime],
    "addresses": _listed(_network),
    "referers": _listed(lambda value, _: text(value)),
}
"""How what stands beside a key's kind is read."""
