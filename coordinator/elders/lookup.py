"""Making typed values comparable: the keyed hashes by which encrypted fields are found, and addresses."""

from __future__ import annotations

import unicodedata

from coordinator.kernel.crypto import keyed_hash


def id_hash(number: str | None) -> bytes | None:
    """Hash of a normalised ID number (elders and workers alike); None of None."""
    return keyed_hash(number, "id_number") if number else None


def phone_hash(phone: str | None) -> bytes | None:
    """Hash of a normalised telephone; None of None."""
    return keyed_hash(phone, "phone") if phone else None


def clean_address(text: str) -> str:
    """An address without blanks and with plain figures and letters, so that the same door is written one way."""
    plain = "".join(
        unicodedata.normalize("NFKC", sign) if "！" <= sign <= "～" and sign not in "（），：" else sign
        for sign in text
    )
    return "".join(plain.split())[:200]
