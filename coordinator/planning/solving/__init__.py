"""The run of a plan: what was asked for, its life sign, its end."""
