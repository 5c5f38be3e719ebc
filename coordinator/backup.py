"""Backup and restore: one tar file with the database dump, the uploads and a manifest.

The manifest counts the rows of every table in the snapshot that was dumped; a restore compares them before it
counts. The field key is named by a fingerprint only (unless the keys are asked for), so that a backup that
cannot be read with the present key is refused before anything is touched.
"""

import contextlib
import hashlib
import hmac
import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from redis import Redis
from sqlalchemy import make_url

from coordinator import __version__
from coordinator.config import Settings
from coordinator.kernel.services import ServiceError, postgres_program

FORMAT = 1
DUMP, MANIFEST = "database.dump", "manifest.json"
_KEPT_SCHEMA = "before_restore"


def write_backup(settings: Settings, file: Path | None, *, with_keys: bool = False) -> dict[str, Any]:
    """Write a backup while the system runs; returns what it holds.

    :param file: where to; a dated file in the data directory when left out.
    :raises ServiceError: the dump failed or the file cannot be written; nothing is left behind.
    """
    if file is None:
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        file = settings.data_dir / "backups" / f"tanfang-{stamp}.tar"
        file.parent.mkdir(mode=0o700, exist_ok=True)
    if not file.absolute().parent.is_dir():
        raise ServiceError(f"{file.absolute().parent}: no such folder")
    with tempfile.TemporaryDirectory(dir=settings.data_dir, prefix="backup-") as folder:
        dump = Path(folder) / DUMP
        counts = _dump(settings, dump)
        uploads = _files(settings.uploads_dir)
        manifest = {
            "format": FORMAT,
            "version": __version__,
            "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "field_key": _fingerprint(settings.field_key),
            "with_keys": with_keys,
            "tables": counts,
            "uploads": len(uploads),
        }
        fresh = file.with_name(f".{file.name}.part")
        try:
            # Opened by hand: readable by its owner only, from the first byte.
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as raw:
                with tarfile.open(fileobj=raw, mode="w") as archive:
                    _add_bytes(archive, MANIFEST, json.dumps(manifest, indent=1).encode())
                    archive.add(dump, DUMP)
                    for path in uploads:
                        archive.add(path, f"uploads/{path.relative_to(settings.uploads_dir)}")
                    if with_keys:
                        _add_bytes(archive, "keys/field_key", settings.field_key.hex().encode())
                        _add_bytes(archive, "keys/secret_key", settings.secret_key.encode())
                raw.flush()
                os.fsync(raw.fileno())
            fresh.replace(file)
        except OSError as error:
            fresh.unlink(missing_ok=True)
            raise ServiceError(f"{file}: cannot be written ({error.strerror})") from None
    return {
        "file": str(file),
        "rows": sum(counts.values()),
        "tables": len(counts),
        "uploads": len(uploads),
        "bytes": file.stat().st_size,
    }


def read_backup(settings: Settings, file: Path, *, replace: bool = False) -> dict[str, Any]:
    """Put a backup in place of database and uploads; all of it or nothing.

    :param replace: allow that the database already holds tables.
    :raises ServiceError: not a backup, another key, the system is running, or the database refused it.
    """
    with tempfile.TemporaryDirectory(dir=settings.data_dir, prefix="restore-") as folder:
        unpacked = Path(folder)
        manifest = _unpack(file, unpacked)
        if not manifest["with_keys"] and manifest["field_key"] != _fingerprint(settings.field_key):
            raise ServiceError(
                f"{file}: made with another field key; put that key into {settings.keys_dir}/field_key "
                "or TANFANG_FIELD_KEY first"
            )
        _replace_database(settings, unpacked / DUMP, manifest["tables"], replace=replace)
        if manifest["with_keys"]:
            _place_keys(settings, unpacked / "keys")
        _place_uploads(settings, unpacked / "uploads")
        _forget_queue(settings)
    return {
        "rows": sum(manifest["tables"].values()),
        "tables": len(manifest["tables"]),
        "uploads": manifest["uploads"],
        "made_at": manifest["made_at"],
    }


# --- writing ---------------------------------------------------------------------------------------------


def _dump(settings: Settings, target: Path) -> dict[str, int]:
    """Dump one snapshot; returns the number of rows of each table in that snapshot."""
    with _connect(settings) as connection:
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        row = connection.execute("SELECT pg_export_snapshot()").fetchone()
        snapshot = row[0] if row else ""
        _run_tool(settings, "pg_dump", "--format=custom", f"--snapshot={snapshot}", f"--file={target}")
        return _count_rows(connection)


def _count_rows(connection: "psycopg.Connection[Any]") -> dict[str, int]:
    tables = connection.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
    ).fetchall()
    counts = {}
    for (table,) in tables:
        query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier("public", table))
        row = connection.execute(query).fetchone()
        counts[table] = int(row[0]) if row else 0
    return counts


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file()) if folder.exists() else []


def _add_bytes(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o600
    archive.addfile(entry, io.BytesIO(content))


def _fingerprint(key: bytes) -> str:
    """Names a key without giving it away."""
    return hmac.new(key, b"tanfang backup", hashlib.sha256).hexdigest()[:16]


# --- reading ---------------------------------------------------------------------------------------------


def _unpack(file: Path, folder: Path) -> dict[str, Any]:
    try:
        with tarfile.open(file) as archive:
            archive.extractall(folder, filter="data")  # refuses paths that lead outside
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
        complete = (folder / DUMP).exists() and {
            "tables",
            "field_key",
            "with_keys",
            "uploads",
        } <= manifest.keys()
    except (tarfile.TarError, OSError, ValueError):
        complete, manifest = False, {}
    if not complete:
        raise ServiceError(f"{file}: not a complete backup of Tanfang")
    if manifest["format"] != FORMAT:
        raise ServiceError(f"{file}: made by version {manifest['version']}, which this version cannot read")
    return manifest


def _replace_database(settings: Settings, dump: Path, counts: dict[str, int], *, replace: bool) -> None:
    """Restore beside the present schema, compare, then drop the old one."""
    with _connect(settings) as connection:
        others = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
        ).fetchone()
        if others and others[0]:
            raise ServiceError(
                f"the system is running ({others[0]} connections to the database); stop it first"
            )
        if _count_rows(connection) and not replace:
            raise ServiceError("the database is not empty; --replace puts the backup in its place")
        connection.execute(f"DROP SCHEMA IF EXISTS {_KEPT_SCHEMA} CASCADE")
        connection.execute(f"ALTER SCHEMA public RENAME TO {_KEPT_SCHEMA}")
        try:
            connection.execute("CREATE SCHEMA public")
            _run_tool(
                settings,
                "pg_restore",
                *("--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction"),
                *("--schema=public", str(dump)),
                database_option=True,
            )
            found = _count_rows(connection)
            if found != counts:
                differing = [name for name in counts if counts[name] != found.get(name)]
                raise ServiceError(f"the restored tables differ from the backup: {', '.join(differing[:5])}")
        except BaseException:
            connection.execute("DROP SCHEMA IF EXISTS public CASCADE")
            connection.execute(f"ALTER SCHEMA {_KEPT_SCHEMA} RENAME TO public")
            raise
        connection.execute(f"DROP SCHEMA {_KEPT_SCHEMA} CASCADE")


def _place_keys(settings: Settings, folder: Path) -> None:
    for name in ("field_key", "secret_key"):
        target = settings.keys_dir / name
        fresh = target.with_name(f".{name}.restored")
        shutil.copyfile(folder / name, fresh)
        fresh.chmod(0o600)
        if target.exists() and target.read_bytes().strip() != fresh.read_bytes().strip():
            target.replace(target.with_name(f"{name}.before-restore"))
        fresh.replace(target)


def _place_uploads(settings: Settings, folder: Path) -> None:
    before = settings.uploads_dir.with_name("uploads.before-restore")
    shutil.rmtree(before, ignore_errors=True)
    if settings.uploads_dir.exists():
        settings.uploads_dir.replace(before)
    if folder.exists():
        shutil.move(folder, settings.uploads_dir)
    shutil.rmtree(before, ignore_errors=True)


def _forget_queue(settings: Settings) -> None:
    """Drop what Redis carries of the replaced database; the sweeper hands over what the restored one owes."""
    with Redis.from_url(settings.redis_url, socket_timeout=10) as queue:
        for key in queue.scan_iter("rq:*", count=1000):
            queue.delete(key)


# --- PostgreSQL ------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _connect(settings: Settings) -> "Iterator[psycopg.Connection[Any]]":
    url = make_url(settings.database_url).set(drivername="postgresql")
    try:
        connection = psycopg.connect(
            url.render_as_string(hide_password=False), autocommit=True, connect_timeout=10
        )
    except psycopg.OperationalError as error:
        reason = str(error).strip().splitlines()[-1]
        raise ServiceError(f"the database does not answer: {reason}") from None
    with connection:
        yield connection


def _run_tool(settings: Settings, tool: str, *arguments: str, database_option: bool = False) -> None:
    url = make_url(settings.database_url)
    # By environment, not by argument: arguments are visible to every user of the machine.
    values = {
        "PGHOST": url.host or url.query.get("host"),
        "PGPORT": url.port,
        "PGUSER": url.username,
        "PGPASSWORD": url.password,
        "PGDATABASE": url.database,
        "PGSSLMODE": url.query.get("sslmode"),
        "PGSSLROOTCERT": url.query.get("sslrootcert"),
    }
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    environment |= {name: str(value) for name, value in values.items() if value}
    extra = [f"--dbname={url.database}"] if database_option else []
    command = [str(postgres_program(tool)), *extra, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL)  # noqa: S603  built here
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no reason given"]
        raise ServiceError(f"{tool} failed: {lines[0]}")
