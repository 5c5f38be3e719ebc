"""Certificates: what is counted, the number, the paper with its QR code, the public check, revoking."""

from __future__ import annotations

import io
import re
import subprocess
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from sqlalchemy import select

from coordinator.extensions import db
from coordinator.fieldwork.models import RecordState
from coordinator.hours import papers, queries, services
from coordinator.hours.models import Certificate, VerificationState
from coordinator.kernel import i18n
from coordinator.kernel.areas import AreaLevel, create_area
from coordinator.kernel.audit import AuditEntry
from coordinator.kernel.errors import Conflict, InvalidInput, NotAllowed
from coordinator.kernel.printing import print_paper
from coordinator.messages.models import Message
from tests.coordinator.hours.conftest import NOW, World
from tests.factories import make_actor

SPAN = (date(2026, 1, 1), date(2026, 3, 26))
ID_NUMBER = "510502199001011232"


@given(st.lists(st.integers(1, 5_000), min_size=1, max_size=40))
def test_printed_hours_add_up_to_the_printed_total(minutes):
    parts = papers.printed_hours(minutes)
    assert all(part == part.quantize(Decimal("0.01")) and part >= 0 for part in parts)
    assert f"{sum(parts).normalize():f}" == i18n.hours(sum(minutes))
    assert all(
        abs(part - Decimal(one) / 60) <= Decimal("0.01") for part, one in zip(parts, minutes, strict=True)
    )


class TestIssuing:
    def test_what_counts(self, world: World):
        worker = world.worker(name="何桂芳", volunteer_number="510502000123")
        world.entry(worker, day=date(2026, 1, 5))
        world.entry(worker, day=date(2026, 3, 5))
        world.entry(worker, day=date(2026, 3, 6), record=RecordState.SUBMITTED)
        world.entry(worker, day=date(2026, 3, 7), metres=900)
        services.reverse_entry(world.street, world.entry(worker, day=date(2026, 3, 8)), "录错人")
        world.entry(worker, day=date(2025, 12, 31))
        world.entry(world.worker(), day=date(2026, 3, 9))
        made = services.issue_certificate(world.street, worker, *SPAN)
        assert (made.minutes, made.content["visits"], made.organisation_id) == (60, 2, None)
        assert made.content["months"] == [
            {"month": "2026-01", "days": [5], "visits": 1, "minutes": 30},
            {"month": "2026-03", "days": [5], "visits": 1, "minutes": 30},
        ]
        assert made.number == f"ZM-2026-{world.tree.street.id:04d}-000001"
        assert re.fullmatch(r"([2-9A-HJKMNP-Z]{4}-){2}[2-9A-HJKMNP-Z]{4}", made.code)
        line = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "certificate.issue")).one()
        assert (line.object_id, line.user_id) == (made.id, world.street.user_id)
        message = db.session.scalars(
            select(Message).where(Message.user_id == worker.user_id).order_by(Message.id.desc())
        ).first()
        assert made.number in message.body

    def test_a_student_with_what_the_school_recognised(self, world: World):
        student = world.student()
        entries = [world.entry(student, day=date(2026, 3, day)) for day in (1, 2, 3, 4)]
        world.verify(entries[0])
        world.verify(entries[1], VerificationState.PARTIAL, minutes=17, reason="中途离开")
        world.verify(entries[2], VerificationState.RETURNED, reason="请假")
        made = services.issue_certificate(world.street, student, *SPAN)
        assert (made.minutes, made.content["visits"]) == (47, 2)
        assert (made.organisation_id, made.content["school"]) == (world.school.id, "滨江中学")
        assert made.content["recognised_on"] == "2026-03-26"
        paper = papers.paper_of(made, "https://x.example/hours/check/X")
        assert (paper.hours, paper.rows[0].hours) == (Decimal("0.78"), Decimal("0.78"))
        assert paper.verified == "滨江中学逐笔认可，最近一次在2026年3月26日"

    def test_a_step_that_divides_no_hour_still_adds_up_on_paper(self, world: World):
        world.tree.street.settings = {"hours": {"step_minutes": 7}}
        db.session.flush()
        worker = world.worker()
        for month in (1, 2, 3):
            assert world.entry(worker, day=date(2026, month, 2)).minutes == 35
        made = services.issue_certificate(world.street, worker, *SPAN)
        paper = papers.paper_of(made, "https://x.example/hours/check/X")
        assert paper.hours == sum(row.hours for row in paper.rows) == Decimal("1.75")
        assert print_paper(paper).startswith(b"%PDF")

    @pytest.mark.parametrize(
        ("first_day", "last_day", "field"),
        [
            (date(2026, 3, 2), date(2026, 3, 1), "first_day"),
            (date(2026, 3, 1), date(2026, 3, 27), "last_day"),
            (date(2025, 1, 1), date(2025, 2, 1), None),
        ],
    )
    def test_refused_spans(self, world: World, first_day, last_day, field):
        worker = world.worker()
        world.entry(worker)
        with pytest.raises(InvalidInput) as refused:
            services.issue_certificate(world.street, worker, first_day, last_day)
        assert refused.value.field == field

    def test_only_the_street_that_organised_the_visits(self, world: World):
        worker = world.worker()
        world.entry(worker)
        community = make_actor(area=world.tree.other_street)
        for actor in (community, world.verifier):
            with pytest.raises(NotAllowed):
                services.issue_certificate(actor, worker, *SPAN)

    def test_numbers_run_by_street_and_year(self, world: World, freeze):
        in_community = world.worker()
        in_community.area_id = world.tree.community.id
        db.session.flush()
        db.session.refresh(in_community)
        numbers = []
        for worker in (world.worker(), in_community):
            world.entry(worker)
            numbers.append(services.issue_certificate(world.street, worker, *SPAN).number)
        freeze(datetime(2027, 1, 2, tzinfo=UTC))
        worker = world.worker()
        world.entry(worker, day=date(2027, 1, 1))
        made = services.issue_certificate(world.street, worker, date(2027, 1, 1), date(2027, 1, 2))
        numbers.append(made.number)
        assert [number.split("-")[1::2] for number in numbers] == [
            ["2026", "000001"],
            ["2026", "000002"],
            ["2027", "000001"],
        ]
        assert len({number.split("-")[2] for number in numbers}) == 1

    def test_what_was_printed_before_is_known(self, world: World):
        worker = world.worker()
        entry = world.entry(worker)
        assert queries.printed_before([entry.id]) == queries.printed_before([]) == []
        made = services.issue_certificate(world.street, worker, *SPAN)
        assert queries.printed_before([entry.id]) == [made.number]
        services.revoke_certificate(world.street, made, "开错了")
        assert queries.printed_before([entry.id]) == []


def test_the_issuer_is_the_street_above_a_grid(world: World):
    grid = create_area(AreaLevel.GRID, "1 网格", world.tree.community)
    assert papers.street_of(grid) is world.tree.street
    assert papers.street_of(world.tree.county) is world.tree.county
    assert papers.issuer_of(world.tree.other_street) == {
        "name": "望江街道办事处",
        "person_in_charge": "",
        "contact": "",
    }


class TestRevoking:
    def test_once_with_a_reason_told_and_audited(self, world: World):
        worker = world.worker()
        world.entry(worker)
        made = services.issue_certificate(world.street, worker, *SPAN)
        with pytest.raises(InvalidInput):
            services.revoke_certificate(world.street, made, " ")
        with pytest.raises(NotAllowed):
            services.revoke_certificate(make_actor(area=world.tree.other_street), made, "开错了")
        services.revoke_certificate(world.street, made, "开错了")
        assert (made.revoked_at, made.revoked_reason, made.revoked_by_id) == (
            NOW,
            "开错了",
            world.street.user_id,
        )
        with pytest.raises(Conflict):
            services.revoke_certificate(world.street, made, "再来")
        line = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "certificate.revoke")).one()
        assert "开错了" in line.summary
        told = db.session.scalars(select(Message.body).where(Message.user_id == worker.user_id)).all()
        assert sum("开错了" in body for body in told) == 1


@pytest.fixture
def issued(world: World) -> Certificate:
    worker = world.worker(name="何桂芳", volunteer_number="510502000123", id_number=ID_NUMBER)
    world.entry(worker)
    return services.issue_certificate(world.street, worker, *SPAN)


class TestPaper:
    def text(self, pdf: bytes) -> str:
        done = subprocess.run(["pdftotext", "-layout", "-", "-"], input=pdf, capture_output=True, check=True)
        return re.sub(r"\s+", "", done.stdout.decode())

    def test_the_four_blocks(self, issued: Certificate, as_, world: World):
        answer = as_(world.street).get(f"/hours/certificates/{issued.id}.pdf")
        assert (answer.status_code, answer.content_type) == (200, "application/pdf")
        said = self.text(answer.data)
        for part in (
            "何桂芳",
            "510502********1232",
            "510502000123",
            issued.number,
            issued.code,
            "2026年1月1日至2026年3月26日",
            "0.5",
            "2026年3月",
            "21日",
            "滨河街道办事处",
            "赵启明",
            "周敏",
            "0830-2345678",
            "不含往返途中时间",
            "2026年3月26日",
        ):
            assert part in said, part
        assert ID_NUMBER not in said
        printed = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "certificate.print")).one()
        assert printed.object_id == issued.id

    def test_the_code_leads_to_the_public_page(self, issued: Certificate, as_, world: World, app):
        zxingcpp = pytest.importorskip("zxingcpp")
        pdf = as_(world.street).get(f"/hours/certificates/{issued.id}.pdf").data
        png = subprocess.run(
            ["pdftoppm", "-r", "200", "-png", "-"], input=pdf, capture_output=True, check=True
        )
        found = zxingcpp.read_barcodes(Image.open(io.BytesIO(png.stdout)))
        base = app.extensions["settings"].public_base_url
        assert [one.text for one in found] == [f"{base}/hours/check/{issued.code}"]
        answer = app.test_client().get(found[0].text.removeprefix(base))
        assert (answer.status_code, issued.number in answer.text) == (200, True)

    def test_it_says_what_was_true_at_the_issue(self, issued: Certificate, world: World):
        before = papers.paper_of(issued, "https://x.example/c")
        issued.worker.name = "改名了"
        issued.worker.area_id = world.tree.other_street.id
        world.tree.street.settings = {}
        db.session.flush()
        db.session.expire_all()
        assert papers.paper_of(db.session.get_one(Certificate, issued.id), "https://x.example/c") == before

    def test_a_revoked_one_is_not_printed(self, issued: Certificate, as_, world: World):
        services.revoke_certificate(world.street, issued, "开错了")
        answer = as_(world.street).get(f"/hours/certificates/{issued.id}.pdf")
        assert answer.status_code == 409
        assert "开错了" in answer.text


class TestPublicCheck:
    def test_a_valid_one_shows_the_paper_and_no_more(self, issued: Certificate, client):
        answer = client.get(f"/hours/check/{issued.code}")
        assert answer.status_code == 200
        for part in (issued.number, "何*芳", "510502000123", "0.5 小时，1 次", "滨河街道办事处", "有效"):
            assert part in answer.text, part
        for part in ("何桂芳", ID_NUMBER, "510502********1232", "柳荫社区"):
            assert part not in answer.text, part
        assert answer.headers["Cache-Control"] == "no-store"

    @pytest.mark.parametrize(
        "change",
        [
            str,
            str.lower,
            lambda one: one.replace("-", ""),
            lambda one: one.replace("-", " "),
            lambda one: "".join(chr(ord(c) + 0xFEE0) for c in one),
        ],
    )
    def test_typed_from_paper(self, issued: Certificate, client, change):
        query = {
            "number": change(issued.number) if "-" in change(issued.number) else issued.number,
            "code": change(issued.code),
        }
        assert client.get("/hours/check", query_string=query).status_code == 200

    @pytest.mark.parametrize(
        "query",
        [
            {"number": "ZM-2026-0001-000001"},
            {"code": "AAAA-AAAA-AAAA"},
            {"number": "x\x00", "code": "\x00"},
            {"number": "号" * 500, "code": "码" * 500},
            {"number": "' OR 1=1 --", "code": "%"},
        ],
    )
    def test_not_found_keeps_what_was_typed(self, issued: Certificate, client, query):
        answer = client.get("/hours/check", query_string=query)
        assert answer.status_code == 404
        assert "没有查到" in answer.text
        if "\x00" not in query.get("number", ""):
            from markupsafe import escape

            assert str(escape(query.get("number", ""))) in answer.text

    def test_the_number_alone_or_another_ones_code_is_not_enough(
        self, issued: Certificate, client, world: World
    ):
        worker = world.worker()
        world.entry(worker)
        other = services.issue_certificate(world.street, worker, *SPAN)
        for query in (
            {"number": issued.number},
            {"code": issued.code},
            {"number": issued.number, "code": other.code},
        ):
            assert client.get("/hours/check", query_string=query).status_code == 404

    def test_nothing_asked(self, client, db_session):
        assert client.get("/hours/check").status_code == 200

    def test_revoked_is_said_with_day_and_reason(self, issued: Certificate, client, world: World, freeze):
        freeze(NOW + timedelta(days=1))
        services.revoke_certificate(world.street, issued, "时数有误")
        answer = client.get(f"/hours/check/{issued.code}")
        assert answer.status_code == 200
        assert "已在3月27日被出具单位撤销" in answer.text
        assert "时数有误" in answer.text
        assert "这份证明有效" not in answer.text
