"""Writes the first inputs of ``fuzz_server``: ``python tests/fuzz/seeds.py FOLDER``."""

import sys
from pathlib import Path

SEEDS = (
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /a/%2e%2e/b;v=1?c=d HTTP/1.1\r\nHost: a.b:80\r\nX-Empty:\r\nCookie: a=b \r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.0\r\n\r\n",
    b'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x="y"\r\nhello\r\n0\r\nT: v\r\n\r\n',
    b"PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
    b"GET http://a/x HTTP/1.1\r\nHost: a\r\nConnection: X-Y, close\r\nX-Y: 1\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.2.3.4\r\nVia: 1.1 b\r\nTE: trailers\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x00",
)


def main(folder: Path) -> None:
    """Write one file for each seed, with the two bytes in front that say where it is split."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(SEEDS):
        (folder / f"seed-{number}").write_bytes(bytes((number * 7, number * 31 % 256)) + seed)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
