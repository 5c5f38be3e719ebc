"""`python -m benchmarks.engines.ours_homecare` compiles the search ahead."""

from __future__ import annotations

import time

from benchmarks.engines import ours_homecare

begun = time.monotonic()
ours_homecare.warm()
print(f"home care compiled in {time.monotonic() - begun:.1f} s")
