"""Signed notes: what a page carries from one request to the next and has to come back unchanged."""

from __future__ import annotations

from flask import current_app
from itsdangerous import URLSafeSerializer


def signer(purpose: str) -> URLSafeSerializer:
    """A serializer whose `loads` raises BadSignature for anything it did not write for the same purpose."""
    secret = current_app.secret_key
    assert secret is not None, "the application has a secret key"
    return URLSafeSerializer(secret, salt=purpose)
