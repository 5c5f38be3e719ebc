"""The command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import benchmarks.claims
from benchmarks.claims.crowd import crowd
from benchmarks.claims.race import race
from benchmarks.claims.rates import bench


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line."""
    said = benchmarks.claims.__doc__ or ""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.claims", description=said.splitlines()[0])
    parser.add_argument("what", choices=("bench", "race", "crowd"))
    parser.add_argument("--claims", type=int, default=2000, help="claims of each measurement")
    parser.add_argument("--rounds", type=int, default=200, help="rounds of the race")
    chosen = parser.parse_args(arguments)
    if chosen.what == "crowd":
        return crowd()
    return bench(chosen.claims) if chosen.what == "bench" else race(chosen.rounds)


if __name__ == "__main__":
    sys.exit(main())
