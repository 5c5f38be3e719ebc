"""The blueprint, and what its pages share: the sum, the evidence and the story of one entry in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from io import BytesIO
from typing import Any

from flask import Blueprint, Response, send_file
from flask_babel import gettext as _
from sqlalchemy import Select

from coordinator.extensions import db
from coordinator.fieldwork.models import Presence, PresenceKind
from coordinator.hours import labels
from coordinator.hours.models import Evidence, HoursEntry
from coordinator.hours.queries.ledger import Story
from coordinator.kernel import audit, i18n, limits
from coordinator.kernel.access import current_actor
from coordinator.kernel.listing import Listing

bp = Blueprint("hours", __name__, url_prefix="/hours")

PLACE = {"no_place", "only_code", "far_away", "not_near", "coarse_place", "home_not_on_map"}
TIME = {"clock_differs", "too_short", "too_long", "shorter_than_half", "too_fast", "two_places_at_once"}
CHECK_LOOKS = {Evidence.DOUBTFUL: "warn", Evidence.WEAK: "soon", Evidence.FAIR: "soon"}


@bp.context_processor
def words() -> dict[str, Any]:
    """What the pages of this feature say."""
    return {
        "evidence_looks": labels.EVIDENCE_LOOKS,
        "decisions": labels.DECISIONS,
        "decision_looks": labels.DECISION_LOOKS,
        "finding_text": labels.finding_text,
        "rules_words": labels.rules_words,
        "derivation_rows": derivation_rows,
        "evidence_checks": evidence_checks,
        "story_items": story_items,
    }


def derivation_rows(
    entry: HoursEntry, marks: Mapping[PresenceKind, Presence] | None = None
) -> list[tuple[str, str, str, str]]:
    """The sum printed beside an entry: arrived, left, at home, not counted, counted."""
    said = entry.derivation
    if "arrived_at" not in said:
        return [(_("撤销"), _("%(n)s 小时", n=i18n.hours(entry.minutes)), said.get("reason", ""), "sum")]
    marks = marks or {}
    rows = [
        (
            _("到门口"),
            i18n.hour(datetime.fromisoformat(said["arrived_at"])),
            _mark_note(marks.get(PresenceKind.ARRIVED)),
            "",
        ),
        (
            _("离开"),
            i18n.hour(datetime.fromisoformat(said["left_at"])),
            _mark_note(marks.get(PresenceKind.LEFT)),
            "",
        ),
        (_("在家里"), _("%(n)s 分钟", n=entry.minutes_present), "", ""),
        (_("路上"), _("不计"), _("往返途中不算服务时间"), "off"),
    ]
    taken_off = (
        ("elsewhere", _("已在另一户计过"), _("同一分钟只计一次")),
        (
            "over_longest",
            _("超过一次上限"),
            _("一次最多 %(d)s", d=i18n.duration(said["longest_minutes"] * 60)),
        ),
        ("rounded_off", _("取整"), _("每满 %(n)s 分钟计一次", n=said["step_minutes"])),
        ("over_cap", _("超过一天上限"), _("一天最多 %(d)s", d=i18n.duration(said["day_cap_minutes"] * 60))),
    )
    rows += [
        (label, _("−%(n)s 分钟", n=said[key]), note, "off") for key, label, note in taken_off if said[key]
    ]
    number = _("时数单 %(number)s", number=entry.number)
    rows.append((_("计入"), _("%(n)s 小时", n=i18n.hours(entry.minutes)), number, "sum"))
    return rows


def _mark_note(presence: Presence | None) -> str:
    """How arriving or leaving is shown, in words."""
    if presence is None:
        return ""
    said = str(labels.METHODS[presence.method.value])
    if presence.distance_metres is None:
        return said
    return _("%(how)s，离住处 %(d)s", how=said, d=i18n.distance(presence.distance_metres))


def evidence_checks(entry: HoursEntry, story: Story, adults: Sequence[str] = ()) -> list[tuple[str, str]]:
    """What speaks for the entry, then each finding against it."""
    findings = entry.derivation.get("findings", [])
    codes = {finding["code"] for finding in findings}
    rows: list[tuple[str, str]] = []
    if not codes & PLACE:
        rows.append(("ok", _("到达、离开的位置都对得上")))
    if not codes & TIME:
        rows.append(("ok", _("时长和路程都对得上")))
    if entry.derivation.get("minor") and "adult_not_there" not in codes and adults:
        rows.append(("ok", _("同行成人%(names)s同时在场", names="、".join(adults))))
    if story.confirmed_at is not None:
        rows.append(("ok", _("探访记录完整，%(when)s锁定", when=i18n.day(story.confirmed_at))))
    by_gravity = sorted(findings, key=lambda one: list(Evidence).index(Evidence(one["grade"])), reverse=True)
    rows += [(CHECK_LOOKS[Evidence(one["grade"])], labels.finding_text(one)) for one in by_gravity]
    return rows


def story_items(story: Story, *, school: bool) -> list[dict[str, Any]]:
    """The timeline of an entry. `school`: somebody at a school decides on it."""
    items: list[dict[str, Any]] = []

    def add(when: datetime | None, text: str, note: str = "", state: str = "yes") -> None:
        items.append({"when": i18n.moment(when), "text": text, "note": note, "state": state})

    if story.submitted_at is not None:
        add(story.submitted_at, _("完成探访，交了记录"))
    if story.confirmed_at is not None:
        add(story.confirmed_at, _("街道确认属实"), story.confirmed_by or "")
    for decision, name in story.decisions:
        add(
            decision.decided_at,
            _(
                "%(what)s，认可 %(n)s 小时",
                what=labels.DECISIONS[decision.state],
                n=i18n.hours(decision.minutes),
            ),
            _("%(name)s：%(why)s", name=name, why=decision.reason) if decision.reason else name,
            "yes" if decision.minutes else "no",
        )
    if story.reversal is not None:
        add(story.reversal.created_at, _("街道撤销了这一笔"), story.reversal.derivation["reason"], "no")
    elif story.confirmed_at is None:
        add(None, _("等街道确认记录"), state="")
    elif school and not story.decisions:
        add(None, _("等学校核验"), state="")
    return items


def download(
    listing: Listing, statement: Select[Any], title: str, action: str, table: str, *, scalars: bool = False
) -> Response:
    """The whole list as a file, counted against the limit and written to the audit trail. Commits."""
    actor = current_actor()
    limits.limit(f"export:{actor.user_id}", "10/hour")
    sheet = listing.export(db.session, statement, title, scalars=scalars)
    audit.record(actor, action, table, _("导出%(what)s", what=title))
    db.session.commit()
    return send_file(
        BytesIO(sheet.content), mimetype=sheet.mimetype, as_attachment=True, download_name=sheet.filename
    )
