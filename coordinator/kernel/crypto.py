"""Encryption of sensitive fields (AES-256-GCM) and keyed hashes for looking them up.

A ciphertext is bound to its column through the associated data, so that a value copied from one column to
another does not decrypt. Layout: one version byte, 12 bytes nonce, ciphertext with tag (NIST SP 800-38D).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import LargeBinary
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

_VERSION = b"\x01"
_keys: dict[str, bytes] = {}


class DecryptionError(Exception):
    """The stored bytes were not written with this key for this column."""


def configure(field_key: bytes) -> None:
    """Set the process's field key (32 bytes); encryption and look-up keys are derived from it."""
    if len(field_key) != 32:
        raise ValueError("the field key must have 32 bytes")
    for purpose in ("encrypt", "lookup"):
        _keys[purpose] = HKDF(
            algorithm=SHA256(), length=32, salt=None, info=f"tanfang {purpose}".encode()
        ).derive(field_key)


def encrypt(plain: str, context: str) -> bytes:
    """Encrypt text for the column named by `context`."""
    return encrypt_bytes(plain.encode(), context)


def decrypt(stored: bytes, context: str) -> str:
    """Decrypt what `encrypt` wrote for the same column; raises DecryptionError otherwise."""
    return decrypt_bytes(stored, context).decode()


def encrypt_bytes(plain: bytes, context: str) -> bytes:
    """Encrypt bytes for the column named by `context`."""
    nonce = os.urandom(12)
    return _VERSION + nonce + AESGCM(_keys["encrypt"]).encrypt(nonce, plain, context.encode())


def decrypt_bytes(stored: bytes, context: str) -> bytes:
    """Decrypt what `encrypt_bytes` wrote for the same column; raises DecryptionError otherwise."""
    if stored[:1] != _VERSION:
        raise DecryptionError(f"unknown version of the encrypted field {context}")
    try:
        return AESGCM(_keys["encrypt"]).decrypt(stored[1:13], stored[13:], context.encode())
    except InvalidTag as problem:
        raise DecryptionError(f"wrong key for the encrypted field {context}") from problem


def keyed_hash(value: str, purpose: str) -> bytes:
    """HMAC-SHA256 of a normalised value, to find an encrypted field by equality (32 bytes)."""
    return hmac.new(_keys["lookup"], f"{purpose}\x00{value}".encode(), hashlib.sha256).digest()


class EncryptedText(TypeDecorator[str]):
    """Text stored encrypted. `context` is 'table.column'."""

    impl = LargeBinary
    cache_ok = True

    def __init__(self, context: str) -> None:
        super().__init__()
        self.context = context

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        return None if value is None else encrypt(value, self.context)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:
        return None if value is None else decrypt(value, self.context)


class EncryptedBytes(TypeDecorator[bytes]):
    """A file stored encrypted. `context` is 'table.column'."""

    impl = LargeBinary
    cache_ok = True

    def __init__(self, context: str) -> None:
        super().__init__()
        self.context = context

    def process_bind_param(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        return None if value is None else encrypt_bytes(value, self.context)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        return None if value is None else decrypt_bytes(value, self.context)


class EncryptedJson(TypeDecorator[Any]):
    """A JSON value stored encrypted. `context` is 'table.column'."""

    impl = LargeBinary
    cache_ok = True

    def __init__(self, context: str) -> None:
        super().__init__()
        self.context = context

    def process_bind_param(self, value: Any, dialect: Dialect) -> bytes | None:
        return None if value is None else encrypt(json.dumps(value, ensure_ascii=False), self.context)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> Any:
        return None if value is None else json.loads(decrypt(value, self.context))
