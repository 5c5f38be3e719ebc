"""Claims against the limit of the same minute, and the race of fifty people for one visit.

`make bench-claims` prints, for 8 clients on this machine: the bare guarded UPDATE, the service with all its rules
in two processes, the same over HTTP through gunicorn, and the ratios.
`make drill-race` lets 50 people press at once, round after round, and one person press 20 times.
`make drill-crowd` lets 500 people claim 200 visits at once, each four and then a place in line, under limits.

`python -m benchmarks.claims {bench,race,crowd} [--claims N] [--rounds N]`. Exit code 1 when a goal or a rule is
missed.
"""
