"""`python -m coordinator.policy`."""

from .cli import policy

policy(prog_name="python -m coordinator.policy")
