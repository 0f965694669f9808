"""The backend behind every gateway: one nginx worker with a port for each kind of answer."""

import json
import shutil
from pathlib import Path

import attrs

from bench.process import Running, free_port, start
from bench.tokens import APPLICATIONS, SCOPE

SMALL_BODY = (
    '{"id":4711,"status":"shipped","customer":"Ada Lovelace","currency":"EUR","total":129.95,'
    '"items":[{"sku":"A-1","count":2}]}'
)
ACTIVE = json.dumps(
    {"active": True, "client_id": APPLICATIONS[0], "sub": "anna", "scope": f"openid {SCOPE}", "exp": 4_102_444_800}
)
MEDIUM_BYTES = 64 * 1024
LARGE_BYTES = 1024**3

CONFIGURATION = """\
worker_processes 1;
daemon off;
pid {folder}/backend.pid;
error_log {folder}/backend-error.log warn;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  sendfile on;
  keepalive_timeout 600s;
  keepalive_requests 1000000000;
  client_max_body_size 0;
  client_body_buffer_size 64k;
  client_body_temp_path {folder}/backend-body;
  proxy_temp_path {folder}/backend-proxy;
  fastcgi_temp_path {folder}/backend-fastcgi;
  uwsgi_temp_path {folder}/backend-uwsgi;
  scgi_temp_path {folder}/backend-scgi;
  default_type application/json;
  root {folder}/www;
  server {{
    listen 127.0.0.1:{small};
    location / {{ return 200 '{body}'; }}
  }}
  server {{
    listen 127.0.0.1:{medium};
    location / {{ rewrite ^ /medium break; }}
  }}
  server {{
    listen 127.0.0.1:{large};
    location / {{ rewrite ^ /large break; }}
  }}
  server {{
    listen 127.0.0.1:{introspect};
    location / {{ return 200 '{active}'; }}
  }}
  server {{
    # Mirroring makes nginx read the request body to its end before it answers.
    listen 127.0.0.1:{swallow};
    location / {{
      mirror /swallowed;
      rewrite ^ /medium break;
      error_page 405 =200 @answer;
    }}
    location = /swallowed {{ internal; return 204; }}
    location @answer {{ return 200 '{body}'; }}
  }}
}}
"""


@attrs.frozen
class Backend:
    """Ports by what they answer to every path; all belong to the same nginx."""

    running: Running
    small: int
    """A JSON document of about 120 bytes."""
    medium: int
    """64 KiB."""
    large: int
    """1 GiB, from a sparse file."""
    swallow: int
    """The small document, once the whole request body has been read."""
    introspect: int
    """What an authorization server says of any token (RFC 7662): that it is active."""


def start_backend(folder: Path, cores: tuple[int, ...]) -> Backend:
    """Write files and configuration, start nginx and wait for it."""
    files = folder / "www"
    files.mkdir()
    (files / "medium").write_bytes(b"0123456789abcdef" * (MEDIUM_BYTES // 16))
    with (files / "large").open("wb") as large_file:
        large_file.truncate(LARGE_BYTES)
    for path in (folder, files):
        path.chmod(0o755)
    ports = {name: free_port() for name in ("small", "medium", "large", "swallow", "introspect")}
    configuration = folder / "backend.conf"
    configuration.write_text(CONFIGURATION.format(folder=folder, body=SMALL_BODY, active=ACTIVE, **ports))
    nginx = shutil.which("nginx") or "nginx"
    running = start(
        "backend",
        (nginx, "-c", str(configuration), "-p", str(folder), "-e", str(folder / "backend-start.log")),
        port=ports["small"],
        cores=cores,
        folder=folder,
    )
    return Backend(running=running, **ports)
