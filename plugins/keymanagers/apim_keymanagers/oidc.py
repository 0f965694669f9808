"""Trust an OpenID Connect provider."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import attrs
from apim_sdk import Context, Duration, KeyManager, state

from apim_keymanagers.keyset import Keys, KeySet, keys_of

__all__ = ["OIDC", "JWKSource"]


@attrs.frozen
class JWKSource:
    """Where a JWK Set (RFC 7517, section 5) is: one of the two."""

    file: Path | None = None
    """File, relative to this one."""
    url: str | None = None
    """URL."""

    def __attrs_post_init__(self) -> None:
        if (self.file is None) == (self.url is None):
            raise ValueError("say where the keys are: `file` or `url`")


def _url(instance: Any, attribute: attrs.Attribute[Any], value: str) -> None:
    if not value.startswith(("https://", "http://")):
        raise ValueError(f"{value!r} is no issuer: it is a URL, written as in the `iss` of its tokens")


@attrs.frozen
class OIDC(KeyManager):
    """Trusts an OpenID Connect provider, or any other issuer of signed tokens that publishes its keys as a JWK Set.

    Keys are fetched at the start, again and again in the background, and when a token names one that is not known;
    while they cannot be fetched, those that are known stay. A start waits for a file, but not for a provider.
    """

    example: ClassVar[Any] = {"issuer": "https://idp.example", "jwks": {"url": "https://idp.example/jwks.json"}}

    issuer: str = attrs.field(validator=_url)
    """The issuer, exactly as the `iss` of its tokens has it."""
    jwks: JWKSource | None = None
    """Where its keys are; without it, where its discovery document (`/.well-known/openid-configuration`) says."""
    refresh: Duration = Duration("10m")
    """How often its keys are fetched."""
    _keys: KeySet = state()

    @property
    def generation(self) -> int:
        return self._keys.generation

    def keys(self, key_id: str | None) -> Keys | Awaitable[Keys]:
        return self._keys.keys(key_id)

    async def start(self, context: Context) -> None:
        keys = await context.shared(("oidc", self), lambda: KeySet(context.clock))
        keys.load = lambda: self._load(context)
        self.hold(_keys=keys)
        from_file = self.jwks is not None and self.jwks.file is not None
        if from_file or keys.empty:
            try:
                await keys.refresh()
            except OSError as error:
                if from_file:
                    raise
                context.log.warning("A key manager starts without keys", issuer=self.issuer, error=str(error))
        context.spawn(keys.keep_fresh(self.refresh, context.log), f"keys of {self.issuer}")

    async def _load(self, context: Context) -> Keys:
        """The provider's keys. Raises OSError or ValueError."""
        if self.jwks is not None and self.jwks.file is not None:
            place, document = str(self.jwks.file), await asyncio.to_thread(self.jwks.file.read_bytes)
        else:
            place = self.jwks.url if self.jwks is not None and self.jwks.url else await self._discover(context)
            document = await _get(place, context)
        try:
            return keys_of(document)
        except ValueError as error:
            raise ValueError(f"{place}: {error}") from error

    async def _discover(self, context: Context) -> str:
        """Where the keys are, by the discovery document (OpenID Connect Discovery 1.0, section 4)."""
        place = f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
        metadata = json.loads(await _get(place, context))
        if not isinstance(metadata, Mapping) or metadata.get("issuer") != self.issuer:
            raise ValueError(f"{place} is not the discovery document of {self.issuer}")
        url = metadata.get("jwks_uri")
        if not isinstance(url, str) or (self.issuer.startswith("https:") and not url.startswith("https:")):
            raise ValueError(f"{place} does not say where the keys are (jwks_uri)")
        return url


async def _get(url: str, context: Context) -> bytes:
    answer = await context.fetch(url, headers={"Accept": "application/json"})
    if answer.status != 200:
        raise ConnectionError(f"{url} answers {answer.status}")
    return answer.body
