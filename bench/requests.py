"""The requests that clients send, as bytes on the wire (RFC 9112)."""

TYPICAL_HEADERS = (
    ("Host", "api.example.com"),
    ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
    ("Accept", "application/json, text/plain, */*"),
    ("Accept-Language", "en-GB,en;q=0.7,de;q=0.3"),
    ("Accept-Encoding", "gzip, deflate, br"),
    ("Origin", "https://shop.example.com"),
    ("Referer", "https://shop.example.com/orders/overview"),
    ("X-Request-ID", "8b3e1b0e-9d52-4c0c-a0a7-5f6f5f0f2a11"),
)
"""What a browser application sends with an API call: eight headers, about 380 bytes."""


def request(path: str, *, method: str = "GET", headers: tuple[tuple[str, str], ...] = (), body: bytes = b"") -> bytes:
    """One HTTP/1.1 request with the typical headers, then `headers`, then a length where there is a body."""
    lines = [f"{method} {path} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in (*TYPICAL_HEADERS, *headers)]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body
