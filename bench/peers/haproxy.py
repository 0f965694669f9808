"""HAProxy as a reverse proxy."""

from pathlib import Path

import attrs

from bench.install import Tools
from bench.peers.peer import Launch
from bench.service import Service, refuse

CONFIGURATION = """\
global
  nbthread 1
  maxconn 4096
defaults
  mode http
  option http-keep-alive
  option forwardfor
  http-reuse always
  timeout connect 5s
  timeout client 600s
  timeout server 600s
frontend gateway
  bind 127.0.0.1:{port}{tls}
  default_backend backend
backend backend
  server one 127.0.0.1:{backend} pool-max-conn 128
"""


@attrs.frozen
class HAProxy:
    """One thread."""

    name: str = "haproxy"

    def configure(self, service: Service, port: int, folder: Path, tools: Tools) -> Launch:
        """Write `haproxy.cfg`."""
        refuse(self.name, service, "certificate")
        tls = f" ssl crt {service.certificate.both}" if service.certificate else ""
        path = folder / "haproxy.cfg"
        path.write_text(CONFIGURATION.format(port=port, backend=service.backend_port, tls=tls))
        return Launch((str(tools.path("haproxy")), "-db", "-f", str(path)))
