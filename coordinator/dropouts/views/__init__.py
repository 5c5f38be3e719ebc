"""Pages about drop-outs."""

from coordinator.dropouts.views import (  # noqa: F401
    desk,
    handover,
    leaving,
    no_shows,
    reliability,
    searching,
    swapping,
)
from coordinator.dropouts.views.blueprint import bp

__all__ = ["bp"]
