"""Secret providers: where secrets are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from apim_sdk.hookspecs import hookimpl
from apim_sdk.plugin import Plugin

if TYPE_CHECKING:
    from apim_sdk.fields import Secret

__all__ = ["SecretProvider"]


class SecretProvider(Plugin):
    """Resolves ``${secret:provider/path}``."""

    kind: ClassVar[str] = "secret provider"

    async def read(self, path: str) -> Secret:
        """The secret at ``path``. Raises KeyError if there is none."""
        raise NotImplementedError(f"{type(self).__name__} must define read()")

    @hookimpl
    @classmethod
    def apim_register_secret_provider(cls) -> type[SecretProvider]:
        """Register the class itself."""
        return cls
