"""A school decides on hours: its own students only, with a reason where it counts less, and everybody is told."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import func, select

from coordinator.extensions import db
from coordinator.fieldwork.models import PresenceMethod, RecordState
from coordinator.hours import queries, services
from coordinator.hours.models import Evidence, Verification, VerificationState
from coordinator.kernel.audit import AuditEntry
from coordinator.kernel.errors import Conflict, InvalidInput, NotAllowed, NotFound
from coordinator.messages.models import Message
from coordinator.workforce.models import WorkerKind
from tests.coordinator.hours.conftest import There, World

PASSED, PARTIAL, RETURNED = VerificationState
SPAN = (date(2026, 3, 1), date(2026, 3, 26))


def decisions() -> list[Verification]:
    return list(db.session.scalars(select(Verification).order_by(Verification.id)))


@pytest.mark.parametrize(
    ("state", "minutes", "reason", "counts", "title"),
    [
        (PASSED, None, "", 30, "学校通过了您的 1 笔时数"),
        (PARTIAL, 20, "中途接电话", 20, "学校部分认可了您的 1 笔时数"),
        (RETURNED, None, "与上课时间重叠", 0, "学校退回了您的 1 笔时数"),
    ],
)
def test_a_decision_is_kept_told_and_audited(world: World, state, minutes, reason, counts, title):
    student = world.student()
    entry = world.entry(student)
    made = world.verify(entry, state, minutes=minutes, reason=reason)
    assert (made.minutes, made.reason, made.organisation_id) == (counts, reason or None, world.school.id)
    assert made.decided_by_id == world.verifier.user_id
    message = db.session.scalars(select(Message)).one()
    assert (message.user_id, message.title, message.link) == (student.user_id, title, "/hours/mine")
    assert reason in message.body
    assert entry.visit.elder.name not in message.title + message.body
    line = db.session.scalars(
        select(AuditEntry).where(AuditEntry.action == f"hours.verify.{state.value}")
    ).one()
    assert (line.user_id, line.area_id) == (world.verifier.user_id, entry.visit.area_id)
    assert line.changes["minutes"] == [None, counts]


def test_a_later_decision_supersedes_the_earlier(world: World):
    entry = world.entry(world.student())
    first = world.verify(entry, RETURNED, reason="请假")
    second = world.verify(entry, PASSED, seen=first.id)
    db.session.refresh(first)
    assert [one.superseded_at is None for one in decisions()] == [False, True]
    assert queries.totals_of(entry.worker, date(2026, 3, 1)).recognised == second.minutes == 30
    assert [name for _one, name in queries.story_of(entry).decisions] == ["林老师", "林老师"]


def test_nobody_overwrites_a_decision_they_have_not_seen(world: World):
    entry = world.entry(world.student())
    world.verify(entry, RETURNED, reason="请假", seen=0)
    for seen in (0, 999_999):
        with pytest.raises(Conflict) as refused:
            world.verify(entry, PASSED, seen=seen)
        assert refused.value.code == "decided"
    assert len(decisions()) == 1


@pytest.mark.parametrize("minutes", [None, 0, -5, 30, 31])
def test_a_part_is_less_than_the_whole(world: World, minutes):
    with pytest.raises(InvalidInput) as refused:
        world.verify(world.entry(world.student()), PARTIAL, minutes=minutes, reason="中途离开")
    assert refused.value.field == "minutes"


@pytest.mark.parametrize("state", [PARTIAL, RETURNED])
def test_less_needs_a_reason(world: World, state):
    with pytest.raises(InvalidInput) as refused:
        world.verify(world.entry(world.student()), state, minutes=15, reason=" ")
    assert refused.value.field == "reason"


def test_only_ones_own_students(world: World):
    own, other = world.entry(world.student()), world.entry(world.student(world.other_school))
    volunteer = world.entry(world.worker(organisation_id=world.school.id))
    for ids in ([other.id], [own.id, other.id], [volunteer.id], [10**6]):
        with pytest.raises(NotFound):
            services.verify_entries(world.verifier, ids, PASSED)
    with pytest.raises(NotAllowed):
        services.verify_entries(world.street, [own.id], PASSED)
    assert decisions() == []


@pytest.mark.parametrize("record", [None, RecordState.SUBMITTED, RecordState.RETURNED])
def test_only_what_the_street_has_confirmed(world: World, record):
    entry = world.entry(world.student(), record=record)
    with pytest.raises(NotFound):
        world.verify(entry)
    assert queries.inbox_counts(world.verifier) == (0, 0, 0)


class TestTogether:
    def test_one_message_a_student(self, world: World):
        first, second = world.student(), world.student()
        entries = [world.entry(first, day=date(2026, 3, day)) for day in (1, 2, 3)] + [world.entry(second)]
        ids = [entry.id for entry in entries]
        made = services.verify_entries(world.verifier, [*ids, ids[0]], PASSED, together=True)
        assert len(made) == 4
        told = {
            message.user_id: (message.title, message.body) for message in db.session.scalars(select(Message))
        }
        assert told == {
            first.user_id: ("学校通过了您的 3 笔时数", "3月1日、3月2日、3月3日，认可 1.5 小时。"),
            second.user_id: ("学校通过了您的 1 笔时数", "3月21日，认可 0.5 小时。"),
        }
        audited = select(func.count()).where(AuditEntry.action == "hours.verify.passed")
        assert db.session.scalar(audited) == 4

    def test_a_doubtful_one_stops_all_even_alone(self, world: World):
        student = world.student()
        good = world.entry(student)
        doubtful = world.entry(student, metres=900, day=date(2026, 3, 20))
        assert doubtful.evidence is Evidence.DOUBTFUL
        for ids in ([doubtful.id], [good.id, doubtful.id]):
            with pytest.raises(Conflict, match=doubtful.number):
                services.verify_entries(world.verifier, ids, PASSED, together=True)
        assert decisions() == []
        assert world.verify(doubtful).minutes == 30

    def test_what_a_colleague_returned_meanwhile_is_not_passed(self, world: World):
        entry = world.entry(world.student())
        world.verify(entry, RETURNED, reason="请假")
        with pytest.raises(Conflict) as refused:
            services.verify_entries(world.verifier, [entry.id], PASSED, together=True)
        assert refused.value.code == "decided"

    def test_statements_do_not_grow_with_the_entries(self, world: World, counting):
        student = world.student()
        entries = [world.entry(student, day=date(2026, 3, day)).id for day in range(1, 13)]
        sent = []
        for ids in (entries[:2], entries[2:]):
            with counting() as statements:
                services.verify_entries(world.verifier, ids, PASSED, together=True)
            sent.append(len(statements))
        assert sent[1] <= sent[0] <= 12

    def test_not_endlessly_many(self, world: World):
        with pytest.raises(InvalidInput):
            services.verify_entries(world.verifier, range(1, 202), PASSED, together=True)


class TestTakenBackAndCertified:
    def test_what_was_taken_back_is_not_decided(self, world: World):
        entry = world.entry(world.student())
        services.reverse_entry(world.street, entry, "录错人")
        with pytest.raises(Conflict, match="已经被街道撤销"):
            world.verify(entry)

    def test_taking_back_ends_what_the_school_recognised(self, world: World):
        student = world.student()
        entry = world.entry(student)
        world.verify(entry)
        assert queries.inbox_counts(world.verifier) == (0, 1, 0)
        services.reverse_entry(world.street, entry, "录错人")
        assert queries.inbox_counts(world.verifier) == (0, 0, 1)
        totals = queries.totals_of(student, date(2026, 3, 1))
        assert (totals.all, totals.confirmed, totals.recognised) == (0, 0, 0)
        row = db.session.execute(queries.student_totals(world.verifier)).one()
        assert (row.entered, row.recognised, row.waiting) == (0, 0, 0)
        with pytest.raises(InvalidInput):
            services.issue_certificate(world.street, student, *SPAN)

    def test_a_certified_line_is_not_decided_again(self, world: World):
        student = world.student()
        entry = world.entry(student)
        world.verify(entry)
        certificate = services.issue_certificate(world.street, student, *SPAN)
        with pytest.raises(Conflict) as refused:
            world.verify(entry, RETURNED, reason="请假")
        assert refused.value.code == "certified"
        services.revoke_certificate(world.street, certificate, "学校要求重开")
        assert world.verify(entry, RETURNED, reason="请假").minutes == 0


class TestWhatASchoolSees:
    def test_worst_first_and_nothing_that_counts_nothing(self, world: World):
        student = world.student()
        world.entry(student, left=14)
        ids = {
            grade: world.entry(student, day=date(2026, 3, day), **over).id
            for day, grade, over in (
                (1, Evidence.STRONG, {}),
                (2, Evidence.DOUBTFUL, {"metres": 900}),
                (3, Evidence.FAIR, {"accuracy": 120}),
                (4, Evidence.WEAK, {"method": PresenceMethod.WORD}),
            )
        }
        waiting = queries.student_entries(world.verifier, decided=False)
        assert {entry.id for entry, _decision in db.session.execute(waiting)} == set(ids.values())
        assert queries.group_counts(waiting) == (2, 2)

    def test_adults_who_were_there_and_the_kind_of_elder(self, world: World):
        minor, friend = world.minor(), world.minor(name="郑好")
        adult, absent = world.worker(name="陈素芬"), world.worker(name="没来")
        visit = world.closed(
            There(minor), There(friend), There(adult), There(absent, arrived=None, left=None)
        )
        entries = services.enter_visit(visit.id)
        assert {tuple(names) for names in queries.adults_beside(entries[:2]).values()} == {("陈素芬",)}
        kinds = queries.elder_kinds(entries)
        assert kinds == {visit.id: ("living_alone",)}
        assert queries.adults_beside([]) == queries.elder_kinds([]) == {}

    def test_sums_of_students_over_a_span(self, world: World):
        student, idle = world.student(name="李沐阳"), world.student(name="吴子轩")
        entries = [world.entry(student, day=date(2026, day, 1)) for day in (2, 3)]
        world.verify(entries[0], PARTIAL, minutes=20, reason="中途离开")
        world.entry(world.student(world.other_school))

        def sums(*span):
            return {
                row.name: (row.visits, row.entered, row.recognised, row.waiting)
                for row in db.session.execute(queries.student_totals(world.verifier, *span))
            }

        assert sums() == {"李沐阳": (2, 60, 20, 30), "吴子轩": (0, 0, 0, 0)}
        assert sums(date(2026, 2, 15), None)["李沐阳"] == (1, 30, 0, 30)
        assert sums(None, date(2026, 2, 1))["李沐阳"] == (1, 30, 20, 0)
        assert idle.kind is WorkerKind.STUDENT
