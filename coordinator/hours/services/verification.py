"""学校核验: a school's decisions on the hours of its own students."""

from __future__ import annotations

from collections.abc import Sequence

from flask_babel import gettext as _
from sqlalchemy import select, update

from coordinator.extensions import db
from coordinator.hours.models import Evidence, HoursEntry, Verification, VerificationState
from coordinator.hours.queries import entries_of_organisation, in_valid_certificate, taken_back
from coordinator.hours.services.chain import lock_chains, said_why
from coordinator.kernel import audit, clock, i18n
from coordinator.kernel.access import Actor, Permission, demand
from coordinator.kernel.errors import Conflict, InvalidInput, NotFound
from coordinator.messages.services import notify

MOST_TOGETHER = 200


def verify_entries(
    actor: Actor,
    entry_ids: Sequence[int],
    state: VerificationState,
    *,
    minutes: int | None = None,
    reason: str = "",
    together: bool = False,
    seen: int | None = None,
) -> list[Verification]:
    """A school's decision on entries of its own students; they are told.

    `minutes` is what is recognised in a partial decision. `together` says that the entries were ticked in a list:
    doubtful ones and those that somebody has decided meanwhile are refused then. `seen` is the id of the decision
    on which this one builds, 0 for none, None for not asked. Raises NotFound for entries of other schools,
    InvalidInput without a reason where one is needed, Conflict when an entry was taken back, stands in a valid
    certificate, or was decided by somebody else meanwhile.
    """
    demand(actor, Permission.HOURS_VERIFY)
    wanted = sorted(set(entry_ids))
    if len(wanted) > MOST_TOGETHER:
        raise InvalidInput(_("一次最多通过 %(n)s 条。", n=MOST_TOGETHER), _("请分几次。"))
    entries = entries_of_organisation(actor, wanted)
    if len(entries) != len(wanted):
        raise NotFound(_("有的时数不属于贵校学生。"), _("请刷新页面再选一次。"))
    passes = state is VerificationState.PASSED
    said = said_why(reason) if not passes or reason.strip() else None
    # Nobody else decides, takes back or certifies these lines from here to the end of the transaction.
    lock_chains(entry.worker_id for entry in entries)
    _refuse_closed(wanted)
    standing = {
        one.entry_id: one
        for one in db.session.scalars(
            select(Verification).where(
                Verification.entry_id.in_(wanted), Verification.superseded_at.is_(None)
            )
        )
    }
    if together:
        _refuse_unfit(entries, standing)
    for entry in entries:
        now_stands = standing.get(entry.id)
        if seen is not None and seen != (now_stands.id if now_stands else 0):
            raise Conflict(
                _("刚刚有同事对这一笔作了决定。"), _("请看过最新的决定，再决定要不要改。"), code="decided"
            )
    recognised = {entry.id: _recognised(entry, state, minutes) for entry in entries}
    return _write(actor, entries, standing, state, recognised, said)


def _refuse_closed(entry_ids: Sequence[int]) -> None:
    rows = db.session.execute(
        select(HoursEntry.number, taken_back(), in_valid_certificate()).where(HoursEntry.id.in_(entry_ids))
    )
    for number, is_reversed, is_certified in rows:
        if is_reversed:
            raise Conflict(_("时数单 %(number)s 已经被街道撤销。", number=number), _("请刷新页面。"))
        if is_certified:
            raise Conflict(
                _("时数单 %(number)s 已经写进证明，不能再改。", number=number),
                _("要改的话，请街道先撤销那份证明。"),
                code="certified",
            )


def _refuse_unfit(entries: Sequence[HoursEntry], standing: dict[int, Verification]) -> None:
    doubtful = [entry.number for entry in entries if entry.evidence is Evidence.DOUBTFUL]
    if doubtful:
        raise Conflict(
            _("待核查的时数要逐条看：%(numbers)s", numbers="、".join(doubtful)), _("请先取消勾选这几条。")
        )
    decided = [entry.number for entry in entries if entry.id in standing]
    if decided:
        raise Conflict(
            _("有的时数刚刚已经有人决定了：%(numbers)s", numbers="、".join(decided)),
            _("请刷新页面再选一次。"),
            code="decided",
        )


def _recognised(entry: HoursEntry, state: VerificationState, minutes: int | None) -> int:
    if state is VerificationState.PASSED:
        return entry.minutes
    if state is VerificationState.RETURNED:
        return 0
    if minutes is None or not 0 < minutes < entry.minutes:
        raise InvalidInput(
            _("部分认可要多于 0、少于 %(n)s 分钟。", n=entry.minutes),
            _("全部认可请点“通过”，一点都不认可请点“退回”。"),
            field="minutes",
        )
    return minutes


def _write(
    actor: Actor,
    entries: Sequence[HoursEntry],
    standing: dict[int, Verification],
    state: VerificationState,
    recognised: dict[int, int],
    said: str | None,
) -> list[Verification]:
    now = clock.now()
    assert actor.user_id is not None, "only a person holds the permission"
    if standing:
        db.session.execute(
            update(Verification)
            .where(Verification.id.in_([one.id for one in standing.values()]))
            .values(superseded_at=now)
        )
    made = [
        Verification(
            entry_id=entry.id,
            organisation_id=entry.worker.organisation_id,
            state=state,
            minutes=recognised[entry.id],
            reason=said,
            decided_by_id=actor.user_id,
            decided_at=now,
        )
        for entry in entries
    ]
    db.session.add_all(made)
    db.session.flush()
    for entry in entries:
        before = standing.get(entry.id)
        audit.record(
            actor,
            f"hours.verify.{state.value}",
            entry,
            _(
                "学校核验时数单 %(number)s：认可 %(n)s 分钟",
                number=entry.number,
                n=recognised[entry.id],
            ),
            changes={
                "minutes": [before.minutes if before else None, recognised[entry.id]],
                "reason": [None, said],
            },
            area_id=entry.visit.area_id,
        )
    _tell(entries, made, state, recognised, said)
    db.session.flush()
    return made


def _tell(
    entries: Sequence[HoursEntry],
    made: Sequence[Verification],
    state: VerificationState,
    recognised: dict[int, int],
    said: str | None,
) -> None:
    """One message a student, however many of their entries were decided together."""
    by_user: dict[int, list[tuple[HoursEntry, Verification]]] = {}
    for entry, decision in zip(entries, made, strict=True):
        if entry.worker.user_id is not None:
            by_user.setdefault(entry.worker.user_id, []).append((entry, decision))
    for user_id, rows in by_user.items():
        titles = {
            VerificationState.PASSED: _("学校通过了您的 %(n)s 笔时数", n=len(rows)),
            VerificationState.PARTIAL: _("学校部分认可了您的 %(n)s 笔时数", n=len(rows)),
            VerificationState.RETURNED: _("学校退回了您的 %(n)s 笔时数", n=len(rows)),
        }
        body = _(
            "%(days)s，认可 %(n)s 小时。",
            days="、".join(i18n.day(entry.service_on) for entry, _decision in rows),
            n=i18n.hours(sum(recognised[entry.id] for entry, _decision in rows)),
        )
        if said:
            body += _("学校说：%(why)s", why=said)
        notify([user_id], titles[state], body, "/hours/mine", dedupe_key=f"hours-decided:{rows[0][1].id}")
