"""The server that modes count at, where no fake of it will do."""

from support.store_servers import redis_server

__all__ = ["redis_server"]
