"""Pages of the month plan, the day plan and the route sheets."""

from flask import Blueprint

bp = Blueprint("planning", __name__, url_prefix="/planning")

from coordinator.planning.views import (  # noqa: E402  they add their endpoints to bp
    approvals,  # noqa: F401
    calls,  # noqa: F401
    changes,  # noqa: F401
    city,  # noqa: F401
    days,  # noqa: F401
    months,  # noqa: F401
    remedies,  # noqa: F401
    sheets,  # noqa: F401
    shortage,  # noqa: F401
    weights,  # noqa: F401
)
