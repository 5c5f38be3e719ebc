"""Reads of the month's visit rate."""
