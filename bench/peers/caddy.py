"""Caddy as a reverse proxy."""

from pathlib import Path

import attrs

from bench.install import Tools
from bench.peers.peer import Launch
from bench.service import Service, refuse

CONFIGURATION = """\
{{
  admin off
  auto_https off
  persist_config off
  log {{
    level ERROR
  }}
  servers {{
    protocols h1
  }}
}}
http://127.0.0.1:{port}, http://api.example.com:{port} {{
  bind 127.0.0.1
  reverse_proxy 127.0.0.1:{backend} {{
    transport http {{
      keepalive 600s
      keepalive_idle_conns_per_host 128
      compression off
    }}
  }}
}}
"""


@attrs.frozen
class Caddy:
    """One processor (`GOMAXPROCS=1`)."""

    name: str = "caddy"

    def configure(self, service: Service, port: int, folder: Path, tools: Tools) -> Launch:
        """Write a `Caddyfile`."""
        refuse(self.name, service)
        path = folder / "Caddyfile"
        path.write_text(CONFIGURATION.format(port=port, backend=service.backend_port))
        home = (("GOMAXPROCS", "1"), ("XDG_DATA_HOME", str(folder)), ("XDG_CONFIG_HOME", str(folder)))
        return Launch((str(tools.path("caddy")), "run", "--adapter", "caddyfile", "--config", str(path)), home)
