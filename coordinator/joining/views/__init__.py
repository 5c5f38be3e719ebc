"""The pages of joining; importing this package binds them to the blueprint."""

from coordinator.joining.views import invitations, joining, mine, phone
from coordinator.joining.views.blueprint import bp

__all__ = ["bp", "invitations", "joining", "mine", "phone"]
