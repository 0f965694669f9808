"""The contract of a peer: turn what a row asks for into files and a command line."""

from pathlib import Path
from typing import Protocol

import attrs

from bench.install import Tools
from bench.service import Service


@attrs.frozen
class Launch:
    """How to start a configured gateway."""

    command: tuple[str, ...]
    environment: tuple[tuple[str, str], ...] = ()


class Peer(Protocol):
    """A gateway program, always with one worker on one core and keep-alive connections to the backend."""

    @property
    def name(self) -> str:
        """The name in rows and reports."""

    def configure(self, service: Service, port: int, folder: Path, tools: Tools) -> Launch:
        """Write configuration into `folder` for a gateway on 127.0.0.1:`port`; raises `Unsupported`."""
