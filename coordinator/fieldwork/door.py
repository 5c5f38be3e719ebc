"""The code of a visit, printed on its route sheet: typed in at the door where the telephone has no place.

It shows that the person holds the sheet of that day, not more.
"""

from __future__ import annotations

import hmac

from coordinator.kernel import crypto

DIGITS = 6


def door_code(visit_id: int) -> str:
    """Six digits, the same for a visit each time; another key or another visit gives another code."""
    number = int.from_bytes(crypto.keyed_hash(str(visit_id), "door code")[:8], "big")
    return f"{number % 10**DIGITS:0{DIGITS}d}"


def is_code_of(visit_id: int, typed: str) -> bool:
    """Compare what was typed, spaces left out, in constant time."""
    digits = "".join(typed.split())
    return hmac.compare_digest(digits.encode(), door_code(visit_id).encode())
