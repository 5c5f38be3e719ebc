"""Reads of visits under way and of their records, each with a fixed number of queries."""
