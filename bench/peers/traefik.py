"""Traefik as a reverse proxy."""

import json
from pathlib import Path

import attrs

from bench.install import Tools
from bench.peers.peer import Launch
from bench.service import Service, refuse


@attrs.frozen
class Traefik:
    """One processor (`GOMAXPROCS=1`)."""

    name: str = "traefik"

    def configure(self, service: Service, port: int, folder: Path, tools: Tools) -> Launch:
        """Write the static and the dynamic configuration; JSON is YAML."""
        refuse(self.name, service)
        static = folder / "traefik.yaml"
        dynamic = folder / "traefik-dynamic.yaml"
        static.write_text(json.dumps(_static(port, dynamic)))
        dynamic.write_text(json.dumps(_dynamic(service.backend_port)))
        return Launch((str(tools.path("traefik")), f"--configFile={static}"), (("GOMAXPROCS", "1"),))


def _static(port: int, dynamic: Path) -> dict[str, object]:
    return {
        "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
        "log": {"level": "ERROR"},
        "entryPoints": {"web": {"address": f"127.0.0.1:{port}"}},
        "providers": {"file": {"filename": str(dynamic), "watch": False}},
    }


def _dynamic(backend_port: int) -> dict[str, object]:
    return {
        "http": {
            "routers": {"all": {"rule": "PathPrefix(`/`)", "service": "backend", "entryPoints": ["web"]}},
            "services": {
                "backend": {
                    "loadBalancer": {
                        "serversTransport": "pooled",
                        "servers": [{"url": f"http://127.0.0.1:{backend_port}"}],
                    }
                }
            },
            "serversTransports": {"pooled": {"maxIdleConnsPerHost": 128}},
        }
    }
