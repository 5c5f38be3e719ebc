"""Reads of the marketplace, each with a fixed number of queries."""
