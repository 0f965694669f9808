"""Which key managers an API trusts, and which kinds of keys it takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from apim_sdk import errors
from apim_sdk.errors import ErrorKind
from apim_sdk.identity import KeyType
from apim_sdk.key_manager import KeyManager

from apim_core.config import SourceRef, TrustedKeyManager
from apim_core.config.model import Api
from apim_core.config.problems import did_you_mean

__all__ = ["NoLongerTrusted", "exchangeable", "refused_keys", "trusted_by"]


class NoLongerTrusted(KeyManager):
    """Stands in for a key manager that is switched off: no token is by it."""

    issuer = None
    generation = 0

    def keys(self, key_id: str | None) -> tuple[Mapping[str, Any], ...]:
        """None."""
        return ()


def trusted_by(
    api: Api,
    written: Mapping[str, TrustedKeyManager],
    built: Mapping[str, KeyManager],
    note: Callable[[SourceRef, str, str], None],
) -> Mapping[str, KeyManager]:
    """The key managers whose tokens an API takes, its tenant's own first; ``note`` is told of names that are nobody's.

    Those that are switched off are replaced by one that trusts nothing.
    """
    for name in api.key_managers or ():
        if name not in written:
            hint = did_you_mean(name, written) or f"there are: {', '.join(sorted(written)) or 'none'}"
            source = SourceRef(api.source.file, f"{api.source.pointer}/key_managers")
            note(source, f"no key manager is named {name!r}", hint)
    taken = [
        name
        for name, each in written.items()
        if name in built
        and (api.key_managers is None or name in api.key_managers)
        and each.tenant in (None, api.tenant)
        and each.tokens != "exchanged"
    ]
    taken.sort(key=lambda name: written[name].tenant is None)
    return {name: _enabled(written[name], built[name]) for name in taken}


def exchangeable(written: Mapping[str, TrustedKeyManager], built: Mapping[str, KeyManager]) -> Mapping[str, KeyManager]:
    """The key managers whose tokens may be exchanged for others, one that is switched off replaced as above."""
    return {name: _enabled(written[name], each) for name, each in built.items() if written[name].tokens != "direct"}


def _enabled(written: TrustedKeyManager, built: KeyManager) -> KeyManager:
    return built if written.enabled else NoLongerTrusted()


def refused_keys(api: Api, gateway: KeyType | None) -> Mapping[KeyType, ErrorKind]:
    """Why keys of a kind are not taken for an API: the gateway is for the other kind, or no endpoint is."""
    refused: dict[KeyType, ErrorKind] = {}
    if api.sandbox is None:
        refused["sandbox"] = errors.NO_SANDBOX
    elif api.endpoint is None:
        refused["production"] = errors.NO_PRODUCTION
    if gateway == "sandbox":
        refused["production"] = errors.PRODUCTION_KEY_AT_SANDBOX
    elif gateway == "production":
        refused["sandbox"] = errors.SANDBOX_KEY_AT_PRODUCTION
    return refused
