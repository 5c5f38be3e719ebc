"""My day, check-in evidence and visit records."""
