"""The blueprint of joining, apart from its pages so that each of them can import it."""

from flask import Blueprint

bp = Blueprint("joining", __name__, url_prefix="/join")
