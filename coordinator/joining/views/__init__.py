"""The pages of joining; importing this package binds them to the blueprint."""

from coordinator.joining.views import (
    admission,
    credentials,
    guardians,
    invitations,
    joining,
    mine,
    password,
    phone,
)
from coordinator.joining.views.blueprint import bp

__all__ = [
    "admission",
    "bp",
    "credentials",
    "guardians",
    "invitations",
    "joining",
    "mine",
    "password",
    "phone",
]
