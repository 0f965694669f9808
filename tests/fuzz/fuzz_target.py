"""Fuzzes the canonical path: it is its own canonical form, and holds nothing that has two readings."""

import sys

import atheris

with atheris.instrument_imports():
    from apim_core.http.target import InvalidTarget, canonical_path, parse_authority, split_target


def check(data: bytes) -> None:
    """One input: a path, a target and an authority at once."""
    try:
        path = canonical_path(data)
    except InvalidTarget:
        pass
    else:
        assert path == canonical_path(path)
        segments = path.split("/")
        assert segments[0] == ""
        assert not {"", ".", ".."} & set(segments[1:-1])
        assert segments[-1] not in (".", "..")
        assert path.isascii()
        assert path.isprintable()
        assert not set("\\#? ") & set(path)
    try:
        path, query, _ = split_target(data)
    except InvalidTarget:
        pass
    else:
        assert path == "*" or path == canonical_path(path)
        assert query.isascii()
        assert query.isprintable()
    try:
        host = parse_authority(data)
    except InvalidTarget:
        pass
    else:
        assert host == parse_authority(host.encode())


if __name__ == "__main__":
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
