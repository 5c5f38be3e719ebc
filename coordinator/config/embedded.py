"""Where the sockets of the embedded servers are."""

import hashlib
import os
import tempfile
from pathlib import Path
from urllib.parse import quote

# sun_path holds 108 bytes with the closing NUL on Linux; a longer path cannot be bound.
SOCKET_PATH_LIMIT = 107
POSTGRES_SOCKET_NAME = ".s.PGSQL.5432"
REDIS_SOCKET_NAME = "redis.sock"


def socket_dir(data_dir: Path) -> Path:
    """The directory of the embedded servers' unix sockets, always one that can be bound.

    Normally ``data_dir/run``. When that is too long, or holds a character that means something in a
    connection string, a directory of this user under the system's temporary folder, named after the data
    directory so that two copies never meet. Pure: nothing is created here.
    """
    wanted = data_dir / "run"
    too_long = len(os.fsencode(wanted / POSTGRES_SOCKET_NAME)) > SOCKET_PATH_LIMIT
    if not too_long and not set(str(wanted)) & set(" ,;'\"\\%?#&=+@"):
        return wanted
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"tanfang-{os.getuid()}-{digest}"


def embedded_database_url(data_dir: Path, name: str = "tanfang") -> str:
    """SQLAlchemy URL of the embedded PostgreSQL of this data directory."""
    host = quote(str(socket_dir(data_dir)), safe="/")
    return f"postgresql+psycopg://tanfang@/{name}?host={host}"


def embedded_redis_url(data_dir: Path) -> str:
    """URL of the embedded queue server of this data directory."""
    return "unix://" + quote(str(socket_dir(data_dir) / REDIS_SOCKET_NAME), safe="/")
