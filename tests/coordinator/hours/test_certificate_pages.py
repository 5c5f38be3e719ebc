"""Pages of certificates: asking for one, issuing, looking one up."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import select

from coordinator.extensions import db
from coordinator.hours import services
from coordinator.hours.models import Certificate
from coordinator.kernel.access import Role
from tests.coordinator.hours.conftest import World
from tests.coordinator.hours.exported import SPAN, sheet
from tests.factories import make_user, make_worker


class TestCertificatePages:
    def test_look_then_issue(self, world: World, as_):
        worker = world.worker(name="何桂芳")
        entry = world.entry(worker)
        desk = as_(world.street)
        assert "何桂芳" in desk.get(f"/hours/certificates/new?worker_id={worker.id}").text
        asked = {"worker_id": str(worker.id), "first_day": "2026-01-01", "last_day": "2026-03-26"}
        page = desk.post("/hours/certificates/new", asked).text
        assert "会写进证明：0.5 小时，1 次" in page
        assert entry.number in page
        answer = desk.post("/hours/certificates/new", asked | {"step": "issue", "shown": f"{entry.id}:30"})
        assert answer.status_code == 303
        made = db.session.scalars(select(Certificate)).one()
        page = desk.get(answer.location).text
        for part in (made.number, made.code, "0.5 小时，1 次", "滨河街道办事处", "公示", "4月2日"):
            assert part in page, part
        assert made.number in desk.get("/hours/certificates").text
        assert "已经写进有效的证明" in desk.post("/hours/certificates/new", asked).text

    def test_only_what_was_shown_is_issued(self, world: World, as_):
        worker = world.worker()
        entry = world.entry(worker)
        desk = as_(world.street)
        asked = {
            "worker_id": str(worker.id),
            "first_day": "2026-01-01",
            "last_day": "2026-03-26",
            "step": "issue",
        }
        world.entry(worker, day=date(2026, 3, 1))
        for shown in ({}, {"shown": f"{entry.id}:30"}):
            answer = desk.post("/hours/certificates/new", asked | shown)
            assert (answer.status_code, "不一样了" in answer.text) == (422, True)
        assert db.session.scalars(select(Certificate)).all() == []

    @pytest.mark.parametrize(
        "over",
        [
            {"first_day": "不知道"},
            {"first_day": ""},
            {"worker_id": "9" * 30},
            {"worker_id": "x"},
            {"last_day": "2026-13-01"},
        ],
    )
    def test_what_was_typed_stays(self, world: World, as_, over):
        worker = world.worker()
        world.entry(worker)
        asked = {
            "worker_id": str(worker.id),
            "first_day": "2026-01-01",
            "last_day": "2026-03-26",
            "step": "issue",
        }
        answer = as_(world.street).post("/hours/certificates/new", asked | over)
        assert answer.status_code == 422
        for name in ("first_day", "last_day"):
            assert f'value="{(asked | over)[name]}"' in answer.text

    def test_nobody_of_another_street(self, world: World, as_):
        stranger = make_worker(world.tree.other_street, name="赵远山")
        world.entry(stranger)
        desk = as_(world.street)
        assert "赵远山" not in desk.get("/hours/certificates/new").text
        asked = {"worker_id": str(stranger.id), "first_day": "2026-01-01", "last_day": "2026-03-26"}
        assert desk.post("/hours/certificates/new", asked).status_code == 422
        worker = world.worker()
        world.entry(worker)
        made = services.issue_certificate(world.street, worker, *SPAN)
        other = as_(make_user(Role.STREET_COORDINATOR, world.tree.other_street))
        for answer in (
            other.get(f"/hours/certificates/{made.id}"),
            other.get(f"/hours/certificates/{made.id}.pdf"),
            other.post(f"/hours/certificates/{made.id}/revoke", {"reason": "x"}),
        ):
            assert answer.status_code == 404

    def test_communities_read_and_do_not_issue(self, world: World, as_):
        community = as_(make_user(Role.COMMUNITY_COORDINATOR, world.tree.community))
        assert community.get("/hours/certificates").status_code == 200
        assert community.get("/hours/certificates/new").status_code == 403

    def test_revoke(self, world: World, as_):
        worker = world.worker(volunteer_number="510502000123")
        world.entry(worker)
        made = services.issue_certificate(world.street, worker, *SPAN)
        desk = as_(world.street)
        refused = desk.post(f"/hours/certificates/{made.id}/revoke", {"reason": ""})
        assert (refused.status_code, "请写明原因" in refused.text) == (422, True)
        assert desk.post(f"/hours/certificates/{made.id}/revoke", {"reason": "时数有误"}).status_code == 303
        again = desk.post(f"/hours/certificates/{made.id}/revoke", {"reason": "再来"})
        assert (again.status_code, "已经撤销过" in again.text) == (422, True)
        page = desk.get(f"/hours/certificates/{made.id}").text
        for part in ("已撤销", "时数有误"):
            assert part in page
        assert "打印证明" not in page
        mine = as_(worker).get("/hours/mine").text
        assert "已撤销：时数有误" in mine
        assert "打开证明" not in mine

    def test_the_notice_masks_names(self, world: World, as_, freeze):
        worker = world.worker(name="何桂芳", volunteer_number="510502000123")
        world.entry(worker)
        made = services.issue_certificate(world.street, worker, *SPAN)
        page = as_(world.street).get("/hours/certificates/notice").text
        for part in (made.number, "何*芳", "510502000123"):
            assert part in page
        assert "何桂芳" not in page
        services.revoke_certificate(world.street, made, "时数有误")
        assert made.number not in as_(world.street).get("/hours/certificates/notice").text

    def test_the_register_is_exported(self, world: World, as_):
        worker = world.worker(name="何桂芳")
        world.entry(worker)
        made = services.issue_certificate(world.street, worker, *SPAN)
        rows = sheet(as_(world.street).get("/hours/certificates?format=xlsx"))
        assert rows[1][1:3] == (made.number, "何桂芳")
