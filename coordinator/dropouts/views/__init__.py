"""Pages about drop-outs."""

from coordinator.dropouts.views import (  # noqa: F401  importing them adds their pages
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
