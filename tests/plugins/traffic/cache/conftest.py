"""The servers that caches are held against."""

from support.store_servers import redis_server

__all__ = ["redis_server"]
