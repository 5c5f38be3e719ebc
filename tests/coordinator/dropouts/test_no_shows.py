"""没有来: written down by a person, never by a clock; explained, decided by another, lifted without a trace."""

from __future__ import annotations

from datetime import date, time
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from coordinator.dropouts.models import NoShow, NoShowState
from coordinator.dropouts.queries.reliability import Became, reliability_of
from coordinator.dropouts.services.no_shows import appeal, decide_no_show, record_no_show, report_no_show
from coordinator.extensions import db
from coordinator.fieldwork.services.presence import Mark, check_in
from coordinator.hours.models import HoursEntry
from coordinator.hours.services import enter_visit
from coordinator.kernel.access import Role
from coordinator.kernel.audit import AuditEntry
from coordinator.kernel.errors import Conflict, InvalidInput, NotAllowed, NotFound
from coordinator.visits.lifecycle import AssignmentState, ContactOutcome, VisitState
from coordinator.visits.services import close_visit, reopen_visit
from tests.coordinator.dropouts.conftest import titles
from tests.factories import PLACE, make_actor, visit_times


def mark():
    return Mark(uuid4(), latitude=PLACE[0], longitude=PLACE[1], accuracy_metres=20)


def states(visit):
    db.session.expire_all()
    return {one.worker_id: one.state for one in visit.assignments}


@pytest.fixture
def missed(field, later):
    """A visit of nine o'clock that was over two hours ago, and who was to make it."""
    worker, actor = field.worker(name="没来的人")
    visit = field.visit((worker, False), start=time(9, 5), minutes=40)
    later(140)
    return visit, worker, actor


def test_recorded_by_a_person_and_the_worker_reads_what_it_means(field, missed):
    visit, worker, _actor = missed
    row = record_no_show(field.coordinator, visit.id, [worker.id], "长者来电话说没有人来")[0]
    assert (row.state, row.confirmed_by_id) == (NoShowState.RECORDED, field.coordinator.user_id)
    assert visit.state is VisitState.MISSED
    assert states(visit) == {worker.id: AssignmentState.NO_SHOW}
    assert titles(worker.user_id) == ["社区记了您有一次没有去，请看一看"]
    enter_visit(visit.id)
    assert db.session.scalar(select(func.count()).select_from(HoursEntry)) == 0
    times = visit_times(date(2026, 3, 30))
    reopen_visit(field.coordinator, visit, *times)
    assert visit.state is VisitState.OPEN


def test_never_before_the_end_and_the_grace(field, later):
    worker, _actor = field.worker()
    visit = field.visit((worker, False), start=time(9, 5), minutes=40)
    for minutes in (10, 60):
        later(minutes)
        with pytest.raises(Conflict) as refused:
            record_no_show(field.coordinator, visit.id, [worker.id], "没有来")
        assert refused.value.code == "too_early"
    later(45)
    assert record_no_show(field.coordinator, visit.id, [worker.id], "没有来")


def test_the_clock_alone_records_nothing(field, missed, later):
    from coordinator.dropouts.jobs import keep
    from coordinator.dropouts.queries.no_shows import unexplained

    visit, worker, _actor = missed
    assert [one.id for one in unexplained(field.coordinator)] == [visit.id]
    for _day in range(3):
        later(24 * 60)
        keep()
    assert db.session.scalar(select(func.count()).select_from(NoShow)) == 0
    assert states(visit) == {worker.id: AssignmentState.APPROVED}


def test_who_checked_in_was_there(field, later):
    worker, actor = field.worker()
    visit = field.visit((worker, False), start=time(9, 5), minutes=40)
    check_in(actor, visit.id, mark())
    later(150)
    with pytest.raises(Conflict) as refused:
        record_no_show(field.coordinator, visit.id, [worker.id], "没有来")
    assert refused.value.code == "was_there"


def test_a_word_a_name_and_a_person_are_needed(field, missed):
    visit, worker, actor = missed
    with pytest.raises(InvalidInput):
        record_no_show(field.coordinator, visit.id, [worker.id], " ")
    with pytest.raises(InvalidInput):
        record_no_show(field.coordinator, visit.id, [], "没有来")
    with pytest.raises(NotAllowed):
        record_no_show(actor, visit.id, [worker.id], "没有来")
    with pytest.raises(NotAllowed):
        record_no_show(make_actor(area=field.tree.other_street), visit.id, [worker.id], "没有来")


def one_of_two_came(field, later):
    """Who was there, who was not, and the visit, after its end."""
    here, actor = field.worker()
    gone, _ = field.worker()
    visit = field.visit((here, False), (gone, False), start=time(9, 5), people=2)
    check_in(actor, visit.id, mark())
    close_visit(actor, visit, ContactOutcome.COMPLETED)
    later(150)
    return here, gone, visit


def test_of_two_one_came(field, later):
    here, gone, visit = one_of_two_came(field, later)
    record_no_show(field.coordinator, visit.id, [gone.id], "同去的人说没有来")
    assert states(visit) == {here.id: AssignmentState.DONE, gone.id: AssignmentState.NO_SHOW}
    assert visit.state is VisitState.COMPLETED


def test_a_minor_is_not_blamed_for_the_adult(field, later):
    adult, _ = field.worker()
    minor, _ = field.minor()
    visit = field.visit((adult, False), (minor, True), start=time(9, 5))
    later(150)
    record_no_show(field.coordinator, visit.id, [adult.id], "没有来")
    assert states(visit) == {adult.id: AssignmentState.NO_SHOW, minor.id: AssignmentState.CANCELLED}
    assert visit.state is VisitState.MISSED


def test_whoever_is_there_reports_and_a_coordinator_confirms(field, later):
    here, actor = field.worker()
    gone, _ = field.worker()
    visit = field.visit((here, False), (gone, False), start=time(9, 5), people=2)
    with pytest.raises(Conflict):
        report_no_show(actor, visit.id, gone.id, "没有见到人")
    later(20)
    row = report_no_show(actor, visit.id, gone.id, "没有见到人")
    assert report_no_show(actor, visit.id, gone.id, "没有见到人").id == row.id
    assert row.state is NoShowState.REPORTED
    assert states(visit)[gone.id] is AssignmentState.APPROVED
    assert titles(gone.user_id) == []
    with pytest.raises(NotFound):
        appeal(field.worker()[1], row.id, "不是我")
    later(140)
    confirmed = record_no_show(field.coordinator, visit.id, [gone.id], row.what)[0]
    assert confirmed.id == row.id
    assert (row.state, row.recorded_by_id) == (NoShowState.RECORDED, actor.user_id)
    assert states(visit)[gone.id] is AssignmentState.NO_SHOW


def test_a_report_that_does_not_hold_touches_nobody(field, later):
    here, actor = field.worker()
    gone, _ = field.worker()
    visit = field.visit((here, False), (gone, False), start=time(9, 5), people=2)
    later(20)
    row = report_no_show(actor, visit.id, gone.id, "没有见到人")
    decide_no_show(field.coordinator, row.id, upheld=False, words="后来到了")
    assert states(visit)[gone.id] is AssignmentState.APPROVED
    assert titles(gone.user_id) == []
    with pytest.raises(Conflict) as seen:
        report_no_show(actor, visit.id, gone.id, "没有见到人")
    assert seen.value.code == "decided"
    _stranger, other = field.worker()
    with pytest.raises(NotFound):
        report_no_show(other, visit.id, gone.id, "没有见到人")


def test_an_appeal_counts_for_nothing_until_another_has_decided(field, missed):
    visit, worker, actor = missed
    row = record_no_show(field.coordinator, visit.id, [worker.id], "没有来")[0]
    with pytest.raises(InvalidInput):
        appeal(actor, row.id, " ")
    appeal(actor, row.id, "我去了，没有人开门")
    appeal(actor, row.id, "再说一遍")
    assert row.appeal == "我去了，没有人开门"
    figures = reliability_of(worker.id, visit.area.path)
    assert not figures.of(Became.NO_SHOW)
    assert len(figures.of(Became.OPEN)) == 1
    other = make_actor(Role.COMMUNITY_COORDINATOR, field.tree.community)
    with pytest.raises(NotAllowed) as refused:
        decide_no_show(field.coordinator, row.id, upheld=True, words="没有别的说法")
    assert refused.value.code == "own_word"
    decide_no_show(other, row.id, upheld=True, words="门卫没有见到人")
    assert row.state is NoShowState.UPHELD
    assert len(reliability_of(worker.id, visit.area.path).of(Became.NO_SHOW)) == 1
    with pytest.raises(Conflict):
        appeal(actor, row.id, "还是不服")


def test_the_only_coordinator_decides(field, missed):
    visit, worker, actor = missed
    row = record_no_show(field.coordinator, visit.id, [worker.id], "没有来")[0]
    appeal(actor, row.id, "我去了")
    assert decide_no_show(field.coordinator, row.id, upheld=False, words="查到了").state is NoShowState.LIFTED


def test_lifted_leaves_no_trace(field, missed):
    visit, worker, _actor = missed
    before = reliability_of(worker.id, visit.area.path)
    row = record_no_show(field.coordinator, visit.id, [worker.id], "没有来")[0]
    decide_no_show(field.coordinator, row.id, upheld=False, words="记错人了")
    assert states(visit) == {worker.id: AssignmentState.CANCELLED}
    after = reliability_of(worker.id, visit.area.path)
    assert after.total == 0
    assert before.total == 1
    with pytest.raises(Conflict):
        decide_no_show(field.coordinator, row.id, upheld=True, words="又反悔")


def test_lifted_by_mistake_is_recorded_again(field, missed, signed_in):
    visit, worker, _actor = missed
    first = record_no_show(field.coordinator, visit.id, [worker.id], "没有来")[0]
    decide_no_show(field.coordinator, first.id, upheld=False, words="记错人了")
    page = signed_in(field.coordinator).get(f"/visits/{visit.id}/no-show").get_data(as_text=True)
    assert "撤销了：记错人了" in page
    assert f'value="{worker.id}"' in page
    second = record_no_show(field.coordinator, visit.id, [worker.id], "物业的录像里没有人")[0]
    assert second.id != first.id
    assert (first.state, second.state) == (NoShowState.LIFTED, NoShowState.RECORDED)
    assert states(visit) == {worker.id: AssignmentState.NO_SHOW}
    assert [line.became for line in reliability_of(worker.id, visit.area.path).lines] == [Became.NO_SHOW]
    with pytest.raises(InvalidInput):
        record_no_show(field.coordinator, visit.id, [worker.id], "再记一次")
    said = db.session.scalars(
        select(AuditEntry.summary)
        .where(AuditEntry.object_id == visit.id, AuditEntry.action.startswith("no_show."))
        .order_by(AuditEntry.id)
    ).all()
    assert [text.split("：")[1] for text in said] == ["没有来", "记错人了", "物业的录像里没有人"]
    assert len(titles(worker.user_id)) == 3
    decide_no_show(field.coordinator, second.id, upheld=False, words="录像看错了")
    assert reliability_of(worker.id, visit.area.path).total == 0


def test_of_two_one_is_recorded_again_after_the_visit_took_place(field, later):
    _here, gone, visit = one_of_two_came(field, later)
    row = record_no_show(field.coordinator, visit.id, [gone.id], "没有来")[0]
    decide_no_show(field.coordinator, row.id, upheld=False, words="来过")
    assert states(visit)[gone.id] is AssignmentState.DONE
    record_no_show(field.coordinator, visit.id, [gone.id], "签名不是本人的")
    assert states(visit)[gone.id] is AssignmentState.NO_SHOW
    assert reliability_of(gone.id, visit.area.path).total == 1


def test_missed_again_on_another_day_is_another_one(field, missed, later):
    from coordinator.visits.services import assign
    from coordinator.workforce.queries import workers_for_duty

    visit, worker, _actor = missed
    record_no_show(field.coordinator, visit.id, [worker.id], "没有来")
    reopen_visit(field.coordinator, visit, *visit_times(date(2026, 3, 30)))
    assign(field.coordinator, visit, [(workers_for_duty([worker.id])[worker.id], False)])
    later(6 * 24 * 60)
    record_no_show(field.coordinator, visit.id, [worker.id], "又没有来")
    assert len(reliability_of(worker.id, visit.area.path).of(Became.NO_SHOW)) == 2


def test_the_pages(field, missed, signed_in):
    visit, worker, actor = missed
    db.session.commit()
    desk = signed_in(field.coordinator)
    assert "没有签到" in desk.get("/dropouts").get_data(as_text=True)
    page = desk.get(f"/visits/{visit.id}/no-show").get_data(as_text=True)
    assert "没来的人" in page
    assert desk.post(f"/visits/{visit.id}/no-show", {"absent": worker.id}).status_code == 422
    data = {"absent": worker.id, "what": "长者来电话"}
    assert desk.post(f"/visits/{visit.id}/no-show", data).status_code == 303
    row = db.session.scalars(select(NoShow)).one()
    phone = signed_in(actor)
    page = phone.get(f"/no-shows/{row.id}/mine").get_data(as_text=True)
    assert "不是这样的" in page
    assert phone.post(f"/no-shows/{row.id}/mine").status_code == 422
    assert phone.post(f"/no-shows/{row.id}/mine", {"how": "there", "words": "敲门没人"}).status_code == 303
    db.session.expire_all()
    assert row.appeal == "我去了，没有签到：敲门没人"
    second = signed_in(make_actor(Role.COMMUNITY_COORDINATOR, field.tree.community))
    assert second.post(f"/no-shows/{row.id}", {"words": "查到了", "decision": "lift"}).status_code == 303
    assert "已经撤销" in signed_in(actor).get(f"/no-shows/{row.id}/mine").get_data(as_text=True)
