"""One registry under all rule packs, as the Markdown table of docs/policy.md.

    .venv/bin/python tools/policy_table.py docs/one-elder.json 2026-02-01 2026-02-28 2026-02-20

The arguments after the file are the first and last day of the span and the as-of day. The obligations are those
that `tanfang policy due` prints.
"""

import sys
from datetime import date
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from coordinator.policy import Calculation, Mode, Obligation, available_packs, load_pack
from coordinator.policy.registry import read_registry

COLUMNS = ("pack", "rule", "tier", "period", "modes that count", "counted", "status", "quotation")


def line(pack: str, found: Obligation) -> str:
    """One obligation as a row."""
    modes = "any" if set(found.modes) == set(Mode) else ", ".join(found.modes)
    status = str(found.status)
    if detail := found.reason or found.blocked:
        status += f", {detail}"
    cells = (
        pack,
        f"`{found.rule}`",
        found.tier or "–",
        f"{found.period_from} – {found.period_to}",
        modes,
        f"{found.counted} of {found.required}",
        status,
        f"「{found.source.quote}」",
    )
    return f"| {' | '.join(cells)} |"


def table(registry_file: str, start: date, end: date, as_of: date) -> str:
    """The obligations of every elder of the file under each pack that comes with the system."""
    registry = read_registry(registry_file)
    rows = [f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
    for name in available_packs():
        pack = load_pack(name)
        calculation = Calculation(pack, registry.events, start, end, as_of)
        for elder in registry.elders:
            found = calculation.for_elder(elder, registry.contacts.get(elder.id, ()))
            rows += [line(pack.name, one) for one in found]
    return "\n".join(rows)


if __name__ == "__main__":
    print(table(sys.argv[1], *(date.fromisoformat(day) for day in sys.argv[2:5])))
