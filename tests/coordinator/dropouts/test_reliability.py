"""守约情况: one derivation that adds up, shown to both sides, used beside claims only."""

from __future__ import annotations

from datetime import date, time
from pathlib import Path

from coordinator.dropouts.queries.reliability import Became, reliability_of
from coordinator.dropouts.services.leaving import step_back
from coordinator.dropouts.services.no_shows import record_no_show
from coordinator.dropouts.services.placing import locked_visit
from coordinator.dropouts.services.searching import answer_ask, start_search
from coordinator.dropouts.services.swapping import answer_swap, decide_swap, offer_swap
from coordinator.extensions import db
from coordinator.visits.lifecycle import ContactOutcome
from coordinator.visits.services import cancel_visit, close_visit, release
from tests.factories import PLACE, make_organisation

NEXT_WEEK = date(2026, 4, 2)


def figures(worker, visit):
    db.session.expire_all()
    found = reliability_of(worker.id, visit.area.path)
    assert sum(count for _what, count in found.rows) == found.total == len(found.lines)
    return found, {one: len(found.of(one)) for one in Became if found.of(one)}


def test_every_ending_has_its_place_and_they_add_up(field, later):
    from coordinator.fieldwork.services.presence import check_in
    from tests.coordinator.dropouts.test_no_shows import mark

    company = make_organisation(field.tree.street)
    worker, actor = field.worker(name="一个人", organisation_id=company.id, start_latitude=PLACE[0] + 0.02)
    taker, taker_actor = field.worker(organisation_id=company.id)

    made = field.visit((worker, False), start=time(9, 5))
    check_in(actor, made.id, mark())
    close_visit(actor, made, ContactOutcome.COMPLETED)

    late = field.visit((worker, False), start=time(15, 0))
    step_back(actor, late.id, "身体不舒服")
    in_time = field.visit((worker, False), day=NEXT_WEEK)
    step_back(actor, in_time.id, "提前说了去不了")

    swapped = field.visit((worker, False), start=time(16, 0))
    swap = offer_swap(actor, swapped.id, taker.id)
    answer_swap(taker_actor, swap.id, True)
    later(1)
    decide_swap(field.coordinator, swap.id, True)

    stood_in = field.visit((worker, False), start=time(17, 0))
    search = start_search(actor, locked_visit(stood_in.id), "请人替", lost_worker_id=worker.id)
    later(1)
    ask = next(one for one in search.asks if one.worker_id == taker.id)
    assert answer_ask(taker_actor, ask.id, True).goes

    off = field.visit((worker, False), day=NEXT_WEEK, start=time(11, 0))
    cancel_visit(field.coordinator, off, "长者住院")
    taken_off = field.visit((worker, False), day=NEXT_WEEK, start=time(12, 0))
    release(field.coordinator, taken_off, worker, "路线调整")
    ahead = field.visit((worker, False), day=NEXT_WEEK, start=time(14, 0))
    assert ahead
    gone = field.visit((worker, False), start=time(10, 0))
    later(3 * 60)
    record_no_show(field.coordinator, gone.id, [worker.id], "没有来")

    found, counted = figures(worker, made)
    assert counted == {
        Became.MADE: 1,
        Became.IN_TIME: 1,
        Became.LATE: 1,
        Became.SWAPPED: 2,
        Became.NO_SHOW: 1,
        Became.EXCUSED: 2,
        Became.OPEN: 1,
    }
    assert found.sentence.startswith("过去 12 个月答应或派到 9 次：去了 1 次")
    assert [line.note for line in found.of(Became.LATE)] == ["身体不舒服"]


def test_what_is_older_than_a_year_is_forgotten(field, later):
    worker, _actor = field.worker()
    visit = field.visit((worker, False), start=time(9, 5))
    assert figures(worker, visit)[0].total == 1
    later(366 * 24 * 60)
    assert figures(worker, visit)[0].total == 0


def test_the_cut_off_is_the_communitys(field):
    field.tree.street.settings = {"claims": {"leave_hours": 2}}
    worker, actor = field.worker()
    visit = field.visit((worker, False), start=time(15, 0))
    step_back(actor, visit.id, "身体不舒服")
    assert figures(worker, visit)[1] == {Became.IN_TIME: 1}


def test_the_figure_is_read_beside_claims_and_nowhere_else():
    """No rule, order or search reads it: only its own pages and the line beside a claim."""
    root = Path(__file__).parents[3] / "coordinator"
    readers = {
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        if "queries.reliability" in path.read_text() and path.parent.name != "__pycache__"
    }
    assert readers == {"dropouts/views/blueprint.py", "dropouts/views/reliability.py"}


def test_both_pages_say_the_same(field, signed_in):
    worker, actor = field.worker(name="一个人")
    visit = field.visit((worker, False), start=time(15, 0))
    step_back(actor, visit.id, "家里有事")
    db.session.commit()
    sentence = reliability_of(worker.id, field.tree.street.path).sentence
    mine = signed_in(actor).get("/reliability/mine").get_data(as_text=True)
    desk = signed_in(field.coordinator)
    theirs = desk.get(f"/reliability/{worker.id}").get_data(as_text=True)
    for page in (mine, theirs):
        assert sentence in page
        assert "家里有事" in page


def test_the_line_stands_beside_the_claim(field, signed_in):
    from coordinator.marketplace.services import claim_visit

    worker, actor = field.worker(name="一个人")
    old = field.visit((worker, False), start=time(15, 0))
    step_back(actor, old.id, "家里有事")
    visit = field.visit(day=NEXT_WEEK)
    claim_visit(actor, visit.id)
    db.session.commit()
    page = signed_in(field.coordinator).get("/approvals").get_data(as_text=True)
    assert "临时去不了 1 次" in page
