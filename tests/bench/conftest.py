"""Lets tests import the harness, which is part of the checkout but of no wheel, and the servers that it needs."""

import sys
from pathlib import Path

from support.store_servers import redis_server

__all__ = ["redis_server"]

sys.path.append(str(Path(__file__).resolve().parents[2]))
