"""What a community sets, and input nobody expected."""

from __future__ import annotations

from datetime import time, timedelta

import pytest
from sqlalchemy import select

from coordinator.dropouts.models import NoShow
from coordinator.dropouts.rules import Rules, rules_for
from coordinator.dropouts.services.leaving import step_back
from coordinator.dropouts.services.no_shows import LONGEST_APPEAL, appeal, record_no_show
from coordinator.dropouts.services.swapping import offer_swap
from coordinator.extensions import db
from coordinator.kernel import audit
from tests.factories import make_actor, make_organisation


def test_an_older_or_unknown_setting_stops_nothing():
    assert Rules.of(None) == Rules()
    assert Rules.of({"automatic_hours": "3", "unknown": 1}).automatic == timedelta(hours=3)
    assert Rules.of({"grace_minutes": 30}).grace == timedelta(minutes=30)


def test_the_nearest_area_decides(field):
    field.tree.street.settings = {"dropouts": {"automatic_hours": 5}}
    field.tree.community.settings = {"dropouts": {"automatic_hours": 7}}
    db.session.flush()
    assert rules_for(field.tree.community.path).automatic_hours == 7
    assert rules_for(field.tree.other_community.path).automatic_hours == 5
    assert rules_for(field.tree.outside.path) == Rules()


def test_the_page_keeps_what_is_set_and_says_who_did(field, signed_in):
    field.tree.street.settings = {"claims": {"leave_hours": 12}}
    db.session.commit()
    desk = signed_in(field.coordinator)
    url = f"/dropouts/rules/{field.tree.street.id}"
    assert desk.get(url).status_code == 200
    wrong = desk.post(url, {"automatic_hours": "99", "grace_minutes": "60"})
    assert wrong.status_code == 422
    assert 'value="99"' in wrong.get_data(as_text=True)
    sent = {"automatic_hours": "0", "grace_minutes": "45", "familiar_swap": "y"}
    assert desk.post(url, sent).status_code == 303
    db.session.expire_all()
    assert rules_for(field.tree.community.path) == Rules(0, 45, True)
    assert field.tree.street.settings["claims"] == {"leave_hours": 12}
    line = db.session.scalars(
        select(audit.AuditEntry).where(audit.AuditEntry.action == "dropouts.rules")
    ).one()
    assert line.user_id == field.coordinator.user_id
    assert line.changes["automatic_hours"] == [24, 0]
    stranger = signed_in(make_actor(area=field.tree.other_street))
    assert stranger.get(url).status_code == 404


@pytest.mark.parametrize("words", ["😀 孩子发烧了", "䶮㛃𫖯", "  两\n行  字 "])
def test_emoji_rare_characters_and_line_breaks_are_kept_as_words(field, words, later):
    company = make_organisation(field.tree.street)
    giver, actor = field.worker(name="䶮", organisation_id=company.id)
    taker, _ = field.worker(name="𫖯" * 10, organisation_id=company.id)
    swapped = field.visit((giver, False), start=time(17, 0))
    assert offer_swap(actor, swapped.id, taker.id, words).note == " ".join(words.split())
    left = field.visit((giver, False), start=time(15, 0))
    step_back(actor, left.id, words)
    db.session.expire_all()
    assert left.assignments[0].end_reason == " ".join(words.split())
    missed = field.visit((giver, False), start=time(9, 5), minutes=30)
    later(120)
    row = record_no_show(field.coordinator, missed.id, [giver.id], words)[0]
    appeal(actor, row.id, words * 200)
    assert len(db.session.get_one(NoShow, row.id).appeal or "") <= LONGEST_APPEAL


def test_a_reason_too_long_comes_back_with_everything_typed(field, signed_in):
    worker, actor = field.worker()
    visit = field.visit((worker, False), start=time(15, 0))
    db.session.commit()
    page = signed_in(actor).post(f"/today/{visit.id}/leave-visit", {"why": "ill", "reason": "长" * 130})
    assert page.status_code == 422
    assert "长" * 130 in page.get_data(as_text=True)
