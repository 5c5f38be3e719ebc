"""Why something is owed, what has counted and what would complete it, in words: for the side panel and the
dossier.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta

from flask_babel import gettext as _
from sqlalchemy import select

from coordinator.accounts.models import User
from coordinator.elders.models import Elder
from coordinator.extensions import db
from coordinator.kernel import i18n
from coordinator.policy import (
    BlockReason,
    Contact,
    ContactVerdict,
    ElderFacts,
    HomeConsent,
    Mode,
    NotCounted,
    Obligation,
    Outcome,
    Pack,
    Status,
    WaiverReason,
)
from coordinator.visits import labels
from coordinator.visits.lifecycle import AssignmentState
from coordinator.visits.models import Assignment, OverdueReason, Visit
from coordinator.visits.queries.due_list import shown_status, window
from coordinator.visits.queries.owed import areas_of, contacts_of, read_pack, rulebooks, situations
from coordinator.workforce.models import Worker

LOOK_AHEAD = timedelta(days=14)
_RANK = {"overdue": 0, "blocked": 1, "soon": 2, "owed": 3, "met": 4, "waived": 5}


@dataclass(frozen=True, slots=True)
class OwedItem:
    """One obligation with everything a reader may ask about it: `contacts` are the lines of the timeline, `how`
    says what would complete it, `first` what has to be settled before that, `pack` the rules it was judged by."""

    obligation: Obligation
    status: str
    contacts: list[dict[str, str]]
    how: str
    first: str
    reason: OverdueReason | None
    pack: Pack


@dataclass(frozen=True, slots=True)
class ElderOwed:
    """What one elder is owed now, what was overdue lately, and the rules behind it."""

    elder: Elder
    facts: ElderFacts
    pack: Pack
    today: date
    items: list[OwedItem] = field(default_factory=list)

    @property
    def next_deadline(self) -> OwedItem | None:
        """The running obligation that is to be met first."""
        open_ones = [item for item in self.items if item.status in ("soon", "owed", "blocked")]
        running = [item for item in open_ones if item.obligation.period_from <= self.today]
        return min(running, key=lambda item: item.obligation.period_to, default=None)

    def find(self, rule: str, period_from: date) -> OwedItem | None:
        """The item of this rule and period."""
        return next(
            (
                item
                for item in self.items
                if item.obligation.rule == rule and item.obligation.period_from == period_from
            ),
            None,
        )


def modes_in_words(modes: Collection[Mode]) -> str:
    """上门, or 上门、电话、视频; 各种方式 when every mode counts."""
    if set(modes) == set(Mode):
        return _("上门、电话、视频等各种方式")
    return "、".join(str(labels.MODES[mode]) for mode in Mode if mode in modes)


def elder_owed(elder: Elder, today: date) -> ElderOwed:
    """Everything that runs today, was overdue in this month or the last, or begins within two weeks (festivals
    and weather); most urgent first."""
    start, end = window(today)
    books = rulebooks({elder.area_id}, areas_of([elder.area.path]), start)
    facts, obligations = situations([elder], books, start, end + LOOK_AHEAD, today)[elder.id]
    shown = [
        one
        for one in obligations
        if one.status is Status.OVERDUE
        or one.period_from <= today <= one.period_to
        or (one.event is not None and one.period_from > today)
    ]
    shown.sort(key=lambda one: (_RANK[shown_status(one, today)], one.period_to, one.rule))
    late = _late_contacts(elder, shown, today)
    people = people_of(
        [verdict.index for one in shown for verdict in one.contacts]
        + [contact.index for contacts in late.values() for contact in contacts if contact.index]
    )
    reasons = _reasons(elder.id)
    book = books[elder.area_id]
    items = [
        OwedItem(
            obligation=one,
            status=shown_status(one, today),
            contacts=[
                *(_contact_line(verdict, one, people) for verdict in one.contacts),
                *(_late_line(contact, one, people) for contact in late.get(position, ())),
            ],
            how=how_to_complete(one, shown, today),
            first=what_first(one, facts),
            reason=reasons.get((one.rule, one.period_from)),
            pack=book.pack_on(one.period_from),
        )
        for position, one in enumerate(shown)
    ]
    return ElderOwed(elder, facts, book.pack, today, items)


def _late_contacts(
    elder: Elder, obligations: Collection[Obligation], today: date
) -> dict[int, list[Contact]]:
    """For each overdue obligation, by position, the first contact after its end that would have counted: people
    ask why it is overdue although somebody was there. One query when something is overdue."""
    overdue = {at: one for at, one in enumerate(obligations) if one.status is Status.OVERDUE}
    if not overdue:
        return {}
    since = min(one.period_to for one in overdue.values()) + timedelta(days=1)
    contacts = contacts_of([elder.id], since, today).get(elder.id, [])
    found = {}
    for position, one in overdue.items():
        later = [
            contact
            for contact in contacts
            if contact.date > one.period_to
            and contact.mode in one.modes
            and contact.outcome is Outcome.COMPLETED
        ]
        found[position] = later[:1]
    return found


def _reasons(elder_id: int) -> dict[tuple[str, date], OverdueReason]:
    rows = db.session.scalars(select(OverdueReason).where(OverdueReason.elder_id == elder_id))
    return {(row.rule, row.period_from): row for row in rows}


def people_of(visit_ids: Iterable[int]) -> dict[int, str]:
    """Who made each contact, by visit id: the people who went, or whoever logged the call. One query."""
    ids = set(visit_ids)
    if not ids:
        return {}
    rows = db.session.execute(
        select(Visit.id, Worker.name, User.name)
        .outerjoin(Assignment, (Assignment.visit_id == Visit.id) & (Assignment.state == AssignmentState.DONE))
        .outerjoin(Worker, Worker.id == Assignment.worker_id)
        .outerjoin(User, User.id == Visit.opened_by_id)
        .where(Visit.id.in_(ids))
        .order_by(Assignment.id)
    ).all()
    went: dict[int, list[str]] = defaultdict(list)
    found = {}
    for visit_id, worker, user in rows:
        if worker is not None:
            went[visit_id].append(worker)
        found[visit_id] = "、".join(went[visit_id]) or user or ""
    return found


def why_not(verdict: ContactVerdict, modes: Collection[Mode]) -> str:
    """未计入：这项只计上门."""
    if verdict.why is None:
        return ""
    words = str(labels.NOT_COUNTED[verdict.why])
    if verdict.why is NotCounted.MODE_NOT_COUNTED:
        words = words % {"modes": modes_in_words(modes)}
    return _("未计入：%(why)s", why=words)


def _contact_line(verdict: ContactVerdict, obligation: Obligation, people: dict[int, str]) -> dict[str, str]:
    """A line of the timeline macro."""
    who = people.get(verdict.index, "")
    mode = str(labels.MODES[verdict.mode])
    return {
        "state": "yes" if verdict.counted else "no",
        "when": i18n.day(verdict.date),
        "text": _("%(mode)s，%(who)s", mode=mode, who=who) if who else mode,
        "note": why_not(verdict, obligation.modes),
    }


def _late_line(contact: Contact, obligation: Obligation, people: dict[int, str]) -> dict[str, str]:
    """A contact that came after the period's end."""
    mode, who = str(labels.MODES[contact.mode]), people.get(contact.index or 0, "")
    late = (contact.date - obligation.period_to).days
    return {
        "state": "no",
        "when": i18n.day(contact.date),
        "text": _("%(mode)s，%(who)s", mode=mode, who=who) if who else mode,
        "note": _("未计入：晚了 %(n)s 天，这一期已经过去", n=late),
    }


def how_to_complete(obligation: Obligation, others: Collection[Obligation], today: date) -> str:
    """What completes this obligation, or what can still be done about it."""
    period = i18n.period(obligation.period_from, obligation.period_to)
    missing = obligation.required - obligation.counted
    modes = modes_in_words(obligation.modes)
    match obligation.status:
        case Status.MET:
            return _("这一期已经达标，计了 %(n)s 次。", n=obligation.counted)
        case Status.WAIVED:
            return _waived(obligation)
        case Status.OVERDUE:
            late = _("%(period)s已经过去，补不上了，请写明原因。", period=period)
            running = next(
                (
                    one
                    for one in others
                    if one.status is Status.OWED
                    and one.period_from <= today <= one.period_to
                    and not one.event
                ),
                None,
            )
            if running is None:
                return late
            return late + _(
                "%(period)s还应%(modes)s %(n)s 次，现在去计入这一期。",
                period=i18n.period(running.period_from, running.period_to),
                modes=modes_in_words(running.modes),
                n=running.required - running.counted,
            )
    if obligation.blocked is not None:
        return _blocked(obligation.blocked)
    if obligation.period_from > today:
        return _("%(period)s里%(modes)s联系 %(n)s 次就达标。", period=period, modes=modes, n=missing)
    by = i18n.day(obligation.period_to)
    if obligation.counted:
        return _("%(day)s以前再%(modes)s %(n)s 次就达标。", day=by, modes=modes, n=missing)
    return _("%(day)s以前%(modes)s %(n)s 次就达标。", day=by, modes=modes, n=missing)


def what_first(obligation: Obligation, facts: ElderFacts) -> str:
    """What is to be settled before anybody can go: a short imperative, '' when nothing stands in the way."""
    match obligation.blocked:
        case BlockReason.REMOTE_ONLY:
            return _("先和长者或家属商量能不能上门")
        case BlockReason.HOME_CONSENT_MISSING:
            if facts.consent.home is HomeConsent.REFUSED:
                return _("先再问一次上门的意愿")
            return _("先问清上门的意愿")
        case BlockReason.EPIDEMIC:
            return _("先打电话、视频问候")
    return ""


def _waived(obligation: Obligation) -> str:
    if obligation.reason is WaiverReason.SERVICE_REFUSED:
        return _("长者不愿意接受探访关爱服务，各项应访都豁免。长者改变主意的，在档案里改意愿。")
    if obligation.reason is WaiverReason.NOT_YET_ENROLLED_LONG_ENOUGH:
        return _("登记到期末不满规定的天数，这一期不要求探访，下一期起算。")
    return _("期末以前长者已经离册，这一期不要求探访。")


def _blocked(reason: BlockReason) -> str:
    if reason is BlockReason.REMOTE_ONLY:
        return _(
            "长者只接受远程联系，这一项只计上门。请先和长者或家属商量；改变主意的，在档案里改意愿，就能安排上门。"
        )
    if reason is BlockReason.HOME_CONSENT_MISSING:
        return _("上门前要征得长者或家属同意。征得同意后在档案里登记，就能安排上门。")
    return _("疫情期间不安排上门，请多打电话、视频、发微信。应访的次数不取消。")


def packs_in(paths: Collection[str]) -> list[Pack]:
    """The packs in force at these areas and set in areas below them, without repeats."""
    areas = areas_of(list(paths))
    names: dict[str, None] = {}
    for path in paths:
        line = [areas[int(part)].policy_pack for part in path.split(".") if part]
        own = next((name for name in reversed(line) if name), None)
        if own:
            names[own] = None
        for row in areas.values():
            if row.path.startswith(path) and row.policy_pack:
                names[row.policy_pack] = None
    return [read_pack(name) for name in names]
