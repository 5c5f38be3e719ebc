"""Pages of what is due, of visits, of the rules and of festivals and weather."""

from coordinator.visits.views import due, due_areas, events, on_duty, panel, prints, rules, surge, visits
from coordinator.visits.views.blueprint import bp

__all__ = ["bp", "due", "due_areas", "events", "on_duty", "panel", "prints", "rules", "surge", "visits"]
