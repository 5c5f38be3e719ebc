"""Reads about drop-outs."""
