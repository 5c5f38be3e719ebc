"""Open visits, claims and their approval."""
