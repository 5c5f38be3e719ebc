"""The data directory and the keys in it."""

import base64
import binascii
import os
import secrets
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from coordinator.config.values import SettingsError, text


def data_dir(env: Mapping[str, str]) -> Path:
    path = Path(text(env, "TANFANG_DATA") or "var").expanduser()
    path = Path(os.path.abspath(path))
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise SettingsError(f"TANFANG_DATA={path}: cannot be created ({error.strerror})") from None
    if not path.is_dir() or not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        raise SettingsError(f"TANFANG_DATA={path}: not a directory this user may write to")
    return path


def secret_key(env: Mapping[str, str], keys_dir: Path) -> str:
    value = text(env, "TANFANG_SECRET_KEY")
    if value is None:
        return _stored(keys_dir / "secret_key")
    if len(value) < 32:
        raise SettingsError(
            "TANFANG_SECRET_KEY: must have at least 32 characters, as `openssl rand -hex 32` makes"
        )
    return value


def field_key(env: Mapping[str, str], keys_dir: Path) -> bytes:
    value = text(env, "TANFANG_FIELD_KEY")
    if value is not None:
        return _decode_key(value, "TANFANG_FIELD_KEY")
    path = keys_dir / "field_key"
    return _decode_key(_stored(path), str(path))


def _decode_key(value: str, source: str) -> bytes:
    try:
        key = (
            bytes.fromhex(value)
            if len(value) == 64
            else base64.b64decode(value, altchars=b"-_", validate=True)
        )
    except (ValueError, binascii.Error):
        key = b""
    if len(key) != 32:
        raise SettingsError(f"{source}: must be 32 bytes in hex or base64, as `openssl rand -hex 32` makes")
    return key


def _stored(path: Path) -> str:
    """The key kept in ``path``; made on first use. Two processes that start at once get the same key."""
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        path.parent.chmod(0o700)
        if not path.exists():
            fresh = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_hex(32) + "\n")
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):  # another process was first; its key counts
                os.link(fresh, path)
            fresh.unlink()
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise SettingsError(f"{path}: readable by others; run: chmod 600 {path}")
        value = path.read_text().strip()
    except OSError as error:
        raise SettingsError(f"{path}: key cannot be read or written ({error.strerror})") from None
    if len(value) < 32:
        raise SettingsError(f"{path}: key file is damaged; put it back from a safe copy")
    return value
