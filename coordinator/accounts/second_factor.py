"""The second factor: one-time codes of an authenticator (TOTP, RFC 6238: SHA-1, 30 s, 6 digits); recovery codes."""

from __future__ import annotations

import hmac
import io
import secrets
import time

import pyotp
import segno

from coordinator.kernel import crypto

STEP_SECONDS = 30
# One step early or late, for clocks that are off by less than half a minute.
STEPS_AROUND = 1
RECOVERY_CODES = 8
_SIGNS = "abcdefghjkmnpqrstuvwxyz23456789"


def new_secret() -> str:
    """A fresh secret, 160 bits in base32."""
    return pyotp.random_base32()


def address(secret: str, username: str) -> str:
    """The otpauth:// address an authenticator reads from the picture."""
    return pyotp.TOTP(secret).provisioning_uri(name=username, issuer_name="探访")


def picture(secret: str, username: str) -> bytes:
    """The address as a QR code, SVG."""
    out = io.BytesIO()
    segno.make(address(secret, username), error="m").save(out, kind="svg", scale=5, border=3)
    return out.getvalue()


def matching_step(secret: str, code: str) -> int | None:
    """The 30-second step whose code this is, or None.

    The machine's real clock is meant: the telephone's clock does not stand still with the demo's.
    """
    digits = "".join(sign for sign in code if sign.isdigit())
    if len(digits) != 6 or not digits.isascii():
        return None
    now = int(time.time()) // STEP_SECONDS
    totp = pyotp.TOTP(secret)
    for step in range(now - STEPS_AROUND, now + STEPS_AROUND + 1):
        if hmac.compare_digest(totp.generate_otp(step), digits):
            return step
    return None


def make_recovery_codes() -> list[str]:
    """Codes that replace a lost authenticator, each once: two groups of five, 49 bits."""
    return [
        "-".join("".join(secrets.choice(_SIGNS) for _i in range(5)) for _group in range(2))
        for _n in range(RECOVERY_CODES)
    ]


def recovery_hash(code: str) -> str:
    """What is stored of a recovery code: a keyed hash, in hex."""
    return crypto.keyed_hash(code.strip().lower().replace(" ", "-"), "recovery-code").hex()
