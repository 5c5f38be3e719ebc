"""Pages of the month plan, the day plan and the route sheets."""

from flask import Blueprint

bp = Blueprint("planning", __name__, url_prefix="/planning")

from coordinator.planning.views import approvals, changes, city, days, months, sheets, weights  # noqa: E402,F401  they add their endpoints to bp
