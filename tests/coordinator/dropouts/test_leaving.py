"""Stepping back: in time and late, with the search that begins by itself and the sheets issued anew."""

from __future__ import annotations

from datetime import date, time

import pytest
from sqlalchemy import select

from coordinator.dropouts.models import StandInSearch
from coordinator.dropouts.services.leaving import step_back
from coordinator.extensions import db
from coordinator.kernel.errors import InvalidInput, NotFound
from coordinator.kernel.queue import OwedJob
from coordinator.messages.models import Message
from coordinator.visits.lifecycle import VisitState
from tests.coordinator.dropouts.conftest import going, titles
from tests.coordinator.fieldwork.conftest import TODAY

NEXT_WEEK = date(2026, 4, 2)


def test_late_tells_the_coordinators_at_once_and_begins_to_search(field):
    worker, actor = field.worker()
    visit = field.visit((worker, False), start=time(15, 0))
    done = step_back(actor, visit.id, "身体不舒服")
    assert done.late
    assert going(visit) == []
    search = db.session.scalars(select(StandInSearch)).one()
    assert (search.visit_id, search.lost_worker_id, search.wave) == (visit.id, worker.id, 0)
    job = db.session.scalars(select(OwedJob).where(OwedJob.name.endswith("make_wave"))).one()
    assert job.payload == {"search_id": search.id, "wave": 1}
    told = db.session.scalars(select(Message).where(Message.user_id == field.coordinator.user_id)).all()
    assert [one.title for one in told] == ["有人临时退出，请尽快找人顶替"]
    assert told[0].urgent
    assert visit.elder.name not in told[0].title


def test_in_time_searches_for_nobody(field):
    worker, actor = field.worker()
    visit = field.visit((worker, False), day=NEXT_WEEK)
    done = step_back(actor, visit.id, "提前说了去不了", date(2026, 4, 5))
    assert not done.late
    assert done.search is None
    assert visit.state is VisitState.OPEN
    body = db.session.scalars(select(Message.body).where(Message.user_id == field.coordinator.user_id)).one()
    assert "4月5日" in body


@pytest.mark.parametrize("hours", [0, 3])
def test_the_community_sets_when_a_search_begins_by_itself(field, hours):
    field.tree.street.settings = {"dropouts": {"automatic_hours": hours}}
    worker, actor = field.worker()
    visit = field.visit((worker, False), start=time(15, 0))
    assert step_back(actor, visit.id, "家里有事").search is None


def test_a_reason_is_needed_and_a_day_ahead(field):
    worker, actor = field.worker()
    visit = field.visit((worker, False), start=time(15, 0))
    with pytest.raises(InvalidInput):
        step_back(actor, visit.id, "  ")
    with pytest.raises(InvalidInput):
        step_back(actor, visit.id, "有事", TODAY)
    _other, stranger = field.worker()
    with pytest.raises(NotFound):
        step_back(stranger, visit.id, "有事")
    assert going(visit) == [worker.id]


def test_who_goes_along_hears_it_without_a_name(field):
    adult, actor = field.worker(name="王大力")
    minor, _ = field.minor()
    visit = field.visit((adult, False), (minor, True), start=time(15, 0))
    step_back(actor, visit.id, "身体不舒服")
    told = db.session.scalars(select(Message).where(Message.user_id == minor.user_id)).all()
    assert titles(minor.user_id) == ["一次探访取消了您的安排"]
    assert "王大力" not in told[0].body
    assert "不舒服" not in told[0].body


def test_the_page_in_time_and_late(field, signed_in):
    worker, actor = field.worker()
    soon = field.visit((worker, False), start=time(15, 0))
    far = field.visit((worker, False), day=NEXT_WEEK)
    db.session.commit()
    browser = signed_in(actor)
    page = browser.get(f"/today/{soon.id}/leave-visit").get_data(as_text=True)
    assert "先答应的人去" in page
    assert "为什么去不了" in page
    early = browser.get(f"/today/{far.id}/leave-visit").get_data(as_text=True)
    assert "不用写原因" in early
    refused = browser.post(f"/today/{soon.id}/leave-visit")
    assert refused.status_code == 422
    assert "请选一个原因" in refused.get_data(as_text=True)
    assert browser.post(f"/today/{soon.id}/leave-visit", {"why": "ill"}).status_code == 303
    assert browser.post(f"/today/{far.id}/leave-visit").status_code == 303
    assert going(soon) == going(far) == []
