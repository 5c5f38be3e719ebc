"""不愿意接受探访关爱服务情况记录: the written note that a refusal needs (江民函〔2024〕18号: 做好书面工作记录)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar

from flask_babel import force_locale

from coordinator.elders import labels
from coordinator.elders.models import Consent, ConsentKind
from coordinator.elders.queries import Dossier


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalNote:
    """One refusal, for signing by who explained and by who refused."""

    template: ClassVar[str] = "elders/refusal.typ"

    rows: tuple[tuple[str, str], ...]
    note: str
    source: str
    quote: str
    printed: str
    dated: date

    def to_json(self) -> dict[str, Any]:
        """The template's data."""
        return {
            "title": "不愿意接受探访关爱服务情况记录",
            "rows": [list(row) for row in self.rows],
            "note": self.note,
            "source": self.source,
            "quote": self.quote,
            "printed": self.printed,
        }


def refusal_note(dossier: Dossier, consent: Consent, *, printed: str, on: date) -> RefusalNote:
    """The paper of a refusal, current or past."""
    elder, pack = dossier.elder, dossier.pack
    with force_locale("zh"):
        who = str(labels.CONSENT_GIVERS[consent.given_by])
        what = (
            "不愿意接受探访关爱服务"
            if consent.kind == ConsentKind.SERVICE
            else "不同意上门，其他方式的联系照常进行"
        )
        rows = (
            ("长者", f"{elder.name}，{labels.SEXES[elder.sex]}，{elder.birth_date.isoformat()}出生"),
            ("住址", dossier.scope.full_name(elder.area_id) + elder.household.address),
            ("意思", what),
            ("表态的人", f"{who}{f'：{consent.giver_name}' if consent.giver_name else ''}"),
            ("表态日期", consent.given_on.isoformat()),
            ("怎样问的", str(labels.CHANNELS.get(consent.channel, consent.channel))),
            ("解释的人", consent.explained_by or ""),
            ("再次询问", consent.ask_again_on.isoformat() if consent.ask_again_on else ""),
        )
    needs_note = pack is not None and pack.consent.refusal_note_required
    return RefusalNote(
        rows=rows,
        note=consent.note or "",
        source=pack.document.short_title if pack is not None and needs_note else "",
        quote=pack.consent.quote if pack is not None and needs_note else "",
        printed=printed,
        dated=on,
    )
