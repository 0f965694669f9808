"""The servers that stores need, and a store of each kind."""

from support.store_servers import postgresql_server, redis_server, space

__all__ = ["postgresql_server", "redis_server", "space"]
