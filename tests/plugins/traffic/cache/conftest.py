"""The servers that caches are held against."""

from collections.abc import Iterator

import pytest
from support.redis import RedisProcess, running


@pytest.fixture(scope="session")
def forgetful_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisProcess]:
    """A Redis as caches have it: it writes nothing to the disk."""
    server = RedisProcess(tmp_path_factory.mktemp("redis"), "--appendonly", "no")
    with running(server):
        yield server
