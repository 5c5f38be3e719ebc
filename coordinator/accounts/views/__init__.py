"""The doors of accounts: signing in and out, one's own account, everybody's accounts, organisations."""

from flask import Blueprint

from coordinator.accounts.devices import device

bp = Blueprint("accounts", __name__, url_prefix="/accounts")
bp.add_app_template_filter(device, "device")

from coordinator.accounts.views import manage, myself, organisations, sign_in  # noqa: E402  they need bp

__all__ = ["bp", "manage", "myself", "organisations", "sign_in"]
