"""Tanfang (探访): coordination marketplace for statutory visits to elders in special difficulty."""

__version__ = "0.4.0"
