"""The work on the register: survey (摸排), comparison with other offices' data (比对), merging, moving, leaving."""
