"""The servers Tanfang runs itself when none are named, PostgreSQL and Valkey/Redis, and their processes.

Both servers listen on unix sockets in a directory only their owner may enter, never on the network.
PostgreSQL refuses to run as root; started by root it runs as the system user `tanfang`, made when missing.
Nothing here needs Flask: the supervisor and the tests use it before there is an application.
"""

from .postgres import EmbeddedPostgres, postgres_program
from .process import Service
from .queue_server import EmbeddedQueue
from .users import ServiceError

__all__ = ["EmbeddedPostgres", "EmbeddedQueue", "Service", "ServiceError", "postgres_program"]
