"""nginx as a reverse proxy."""

from pathlib import Path

import attrs

from bench.install import Tools
from bench.peers.peer import Launch
from bench.service import (
    REQUEST_HEADER_REMOVED,
    REQUEST_HEADERS_SET,
    RESPONSE_HEADER_REMOVED,
    RESPONSE_HEADERS_SET,
    Service,
    refuse,
)

CONFIGURATION = """\
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx-error.log warn;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  keepalive_timeout 600s;
  keepalive_requests 1000000000;
  client_max_body_size 0;
  client_body_buffer_size 64k;
  client_body_temp_path {folder}/nginx-body;
  proxy_temp_path {folder}/nginx-proxy;
  fastcgi_temp_path {folder}/nginx-fastcgi;
  uwsgi_temp_path {folder}/nginx-uwsgi;
  scgi_temp_path {folder}/nginx-scgi;
  {http}
  upstream backend {{
    server 127.0.0.1:{backend};
    keepalive 128;
    keepalive_requests 1000000000;
    keepalive_timeout 600s;
  }}
  server {{
    listen 127.0.0.1:{port}{tls};
    {directives}
    location / {{
      proxy_pass http://backend;
      proxy_http_version 1.1;
      proxy_buffers 16 16k;
      proxy_max_temp_file_size 0;
      proxy_request_buffering off;
      proxy_set_header Host $host;
      proxy_set_header Connection "";
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
      {headers}
    }}
  }}
}}
"""


CACHE = ("proxy_cache answers;", "proxy_cache_valid 200 1h;")


@attrs.frozen
class Nginx:
    """One worker process."""

    name: str = "nginx"

    def configure(self, service: Service, port: int, folder: Path, tools: Tools) -> Launch:
        """Write `nginx.conf`."""
        refuse(self.name, service, "certificate", "header_policies", "cached", "limits")
        directives = ""
        if service.certificate:
            directives = (
                f"ssl_certificate {service.certificate.certificate}; ssl_certificate_key {service.certificate.key};"
            )
        http = [f"proxy_cache_path {folder}/nginx-cache keys_zone=answers:16m;"] if service.cached else []
        if service.limits:
            http.append("limit_req_zone $binary_remote_addr zone=limit:10m rate=1000000r/s;")
            directives += " limit_req zone=limit burst=1000000 nodelay;"
        headers = _header_directives() if service.header_policies else ()
        path = folder / "nginx.conf"
        path.write_text(
            CONFIGURATION.format(
                folder=folder,
                port=port,
                backend=service.backend_port,
                tls=" ssl" if service.certificate else "",
                directives=directives,
                http=" ".join(http),
                headers="\n      ".join((*headers, *(CACHE if service.cached else ()))),
            )
        )
        log = str(folder / "nginx-start.log")
        return Launch((str(tools.path("nginx")), "-c", str(path), "-p", str(folder), "-e", log))


def _header_directives() -> tuple[str, ...]:
    """The ten header policies; an empty value is nginx's way to remove a request header."""
    return (
        *(f'proxy_set_header {name} "{value}";' for name, value in REQUEST_HEADERS_SET),
        f'proxy_set_header {REQUEST_HEADER_REMOVED} "";',
        *(f'add_header {name} "{value}";' for name, value in RESPONSE_HEADERS_SET),
        f"proxy_hide_header {RESPONSE_HEADER_REMOVED};",
    )
