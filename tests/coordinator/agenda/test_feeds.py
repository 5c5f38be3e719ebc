"""Calendar feeds as programs read them: with a parser of other origin than the writer."""

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import vobject
from sqlalchemy import select

from coordinator.accounts.models import User
from coordinator.agenda.calendar import render
from coordinator.agenda.models import CalendarFeed, FeedKind, VisitRevision
from coordinator.agenda.queries.entries import Entry, entries_of
from coordinator.agenda.services import make_feed, revoke_feed
from coordinator.kernel import clock
from coordinator.kernel.access import Role
from coordinator.kernel.clock import LOCAL
from coordinator.kernel.errors import Conflict, NotAllowed, NotFound
from coordinator.visits.lifecycle import ContactMode
from coordinator.visits.services import cancel_visit, release, reopen_visit
from coordinator.workforce.models import WorkerKind
from tests import factories
from tests.coordinator.agenda.conftest import NOW, RARE, World

if TYPE_CHECKING:
    from flask.testing import FlaskClient


def read(body: bytes) -> Any:
    """The events of a calendar by independent code, in order of their beginning."""
    calendar = vobject.readOne(body.decode())
    return sorted(calendar.contents.get("vevent", []), key=lambda one: one.dtstart.value)


def fetch(client: "FlaskClient", token: str, **headers: str) -> Any:
    return client.get(f"/agenda/feeds/{token}.ics", headers=headers)


def test_ones_own_visits(world: World, client: "FlaskClient") -> None:
    visit = world.visit(1, time(9), world.worker)
    world.visit(2, time(9), world.other)
    _feed, token = make_feed(world.me, FeedKind.OWN)
    answer = fetch(client, token)
    assert answer.status_code == 200
    assert answer.mimetype == "text/calendar"
    (event,) = read(answer.data)
    assert event.dtstart.value == visit.starts_at
    assert event.dtend.value == visit.ends_at
    assert event.dtstart.value.utcoffset() == timedelta(hours=8)
    assert event.location.value == "柳荫社区 滨江片; 一, 二\n三"
    assert event.summary.value == "探访：柳荫社区 滨江片; 一, 二\n三"
    assert event.status.value == "CONFIRMED"
    assert event.url.value.endswith("/today")
    calendar = vobject.readOne(answer.data.decode())
    assert calendar.vtimezone.tzid.value == "Asia/Shanghai"
    assert calendar.method.value == "PUBLISH"
    assert all(len(line) <= 75 for line in answer.data.split(b"\r\n"))


def test_nothing_of_the_elder_is_in_any_feed(world: World, client: "FlaskClient") -> None:
    """Not even on the day itself, when the site shows name and door."""
    world.visit(0, time(15), world.worker)
    for actor, kind, more in (
        (world.me, FeedKind.OWN, {}),
        (world.coordinator, FeedKind.AREA, {"area": world.tree.street}),
        (world.manager, FeedKind.ORGANISATION, {"organisation": world.company}),
    ):
        _feed, token = make_feed(actor, kind, **more)
        (event,) = read(fetch(client, token).data)
        text = event.serialize()
        assert "滨江片" in event.location.value
        for secret in (world.elder.name, RARE[0] + RARE[1] + RARE[2] + "号", "77号", "3单元", "1390000"):
            if kind is FeedKind.ORGANISATION and secret == world.elder.name:
                assert f"王{RARE}" not in text
                continue
            assert secret not in text


def test_a_change_raises_the_sequence_and_keeps_the_name(world: World, client: "FlaskClient") -> None:
    visit = world.visit(1, time(9), world.worker)
    _feed, token = make_feed(world.me, FeedKind.OWN)
    (before,) = read(fetch(client, token).data)
    release(world.coordinator, visit, world.worker, "换人")
    (gone,) = read(fetch(client, token).data)
    world.give(visit, world.worker)
    (back,) = read(fetch(client, token).data)
    cancel_visit(world.coordinator, visit, "住院了")
    (off,) = read(fetch(client, token).data)
    found = [before, gone, back, off]
    assert len({one.uid.value for one in found}) == 1
    numbers = [int(one.sequence.value) for one in found]
    assert numbers == sorted(set(numbers))
    assert [one.status.value for one in found] == ["CONFIRMED", "CANCELLED", "CONFIRMED", "CANCELLED"]
    assert off.summary.value.startswith("已取消")
    assert off.transp.value == "TRANSPARENT"
    stamps = [one.last_modified.value for one in found]
    assert stamps == sorted(stamps)


def test_a_visit_that_moves(world: World, client: "FlaskClient", freeze: Any, db_session: Any) -> None:
    from coordinator.visits.services import mark_missed

    visit = world.visit(1, time(9))
    _feed, token = make_feed(world.coordinator, FeedKind.AREA, area=world.tree.community)
    (before,) = read(fetch(client, token).data)
    assert before.status.value == "TENTATIVE"
    freeze(visit.ends_at + timedelta(hours=1))
    mark_missed(world.coordinator, visit)
    (missed,) = read(fetch(client, token).data)
    assert missed.status.value == "CANCELLED"
    start = visit.starts_at + timedelta(days=3)
    reopen_visit(world.coordinator, visit, start, start + timedelta(minutes=40))
    (moved,) = read(fetch(client, token).data)
    assert moved.uid.value == before.uid.value
    assert moved.dtstart.value == start
    assert int(before.sequence.value) < int(missed.sequence.value) < int(moved.sequence.value)
    assert db_session.scalar(select(VisitRevision.revision)) == int(moved.sequence.value)


def test_an_organisation_sees_its_own_people(world: World, client: "FlaskClient") -> None:
    world.visit(1, time(9), world.worker)
    world.visit(1, time(11), world.other)
    _feed, token = make_feed(world.manager, FeedKind.ORGANISATION, organisation=world.company)
    (event,) = read(fetch(client, token).data)
    assert event.summary.value.startswith(f"周{RARE}：探访")


def test_a_school_s_calendar_names_no_student(world: World, client: "FlaskClient") -> None:
    school = factories.make_organisation(world.tree.community)
    student = factories.make_worker(
        world.tree.community, kind=WorkerKind.STUDENT, organisation_id=school.id, name="林小满"
    )
    world.visit(1, time(9), student)
    verifier = factories.make_actor(Role.SCHOOL_VERIFIER, organisation=school)
    _feed, token = make_feed(verifier, FeedKind.ORGANISATION, organisation=school)
    (event,) = read(fetch(client, token).data)
    assert event.summary.value.startswith("一名学生")
    assert "林小满" not in event.serialize()


def test_limited_history(world: World, client: "FlaskClient", freeze: Any) -> None:
    visits = [world.visit(days, time(9), world.worker) for days in (1, 50, 100, 250)]
    _feed, token = make_feed(world.me, FeedKind.OWN)
    freeze(NOW + timedelta(days=100))
    starts = [event.dtstart.value for event in read(fetch(client, token).data)]
    assert starts == [one.starts_at for one in visits[1:]]


def test_telephone_calls_are_named_as_such(world: World, client: "FlaskClient") -> None:
    world.visit(1, time(9), world.worker, mode=ContactMode.PHONE)
    _feed, token = make_feed(world.me, FeedKind.OWN)
    (event,) = read(fetch(client, token).data)
    assert "电话" in event.summary.value


class TestAddress:
    def test_only_the_hash_is_kept(self, world: World, db_session: Any) -> None:
        feed, token = make_feed(world.me, FeedKind.OWN)
        assert len(token) >= 32
        assert token.encode() not in feed.token_hash
        assert feed.ending == token[-4:]
        assert feed.ending.isdigit()

    def test_taken_back_it_is_gone_at_once(self, world: World, client: "FlaskClient") -> None:
        feed, token = make_feed(world.me, FeedKind.OWN)
        assert fetch(client, token).status_code == 200
        with pytest.raises(NotFound):
            revoke_feed(world.manager, feed.id)
        revoke_feed(world.me, feed.id)
        assert fetch(client, token).status_code == 404

    @pytest.mark.parametrize("token", ["x", "a" * 32, "../../etc", "%00", "💥"])
    def test_no_such_address(self, token: str, world: World, client: "FlaskClient") -> None:
        assert fetch(client, token).status_code == 404

    def test_it_ends_with_the_role_and_with_the_account(
        self, world: World, client: "FlaskClient", db_session: Any
    ) -> None:
        _feed, own = make_feed(world.me, FeedKind.OWN)
        _feed, area = make_feed(world.coordinator, FeedKind.AREA, area=world.tree.community)
        db_session.get(User, world.coordinator.user_id).roles[0].revoked_at = NOW
        db_session.get(User, world.me.user_id).is_active = False
        db_session.flush()
        db_session.expire_all()
        assert fetch(client, own).status_code == 404
        assert fetch(client, area).status_code == 404

    def test_only_what_one_may_see(self, world: World) -> None:
        with pytest.raises(NotAllowed):
            make_feed(world.me, FeedKind.AREA, area=world.tree.community)
        with pytest.raises(NotAllowed):
            make_feed(world.coordinator, FeedKind.AREA, area=world.tree.outside)
        with pytest.raises(NotAllowed):
            make_feed(
                world.manager,
                FeedKind.ORGANISATION,
                organisation=factories.make_organisation(world.tree.community),
            )
        with pytest.raises(NotAllowed):
            make_feed(world.manager, FeedKind.OWN)

    def test_ten_at_most(self, world: World) -> None:
        for _n in range(10):
            make_feed(world.me, FeedKind.OWN)
        with pytest.raises(Conflict):
            make_feed(world.me, FeedKind.OWN)


class TestReading:
    def test_unchanged_it_is_not_sent_again(self, world: World, client: "FlaskClient") -> None:
        visit = world.visit(1, time(9), world.worker)
        _feed, token = make_feed(world.me, FeedKind.OWN)
        first = fetch(client, token)
        assert fetch(client, token).data == first.data
        again = fetch(client, token, **{"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")
        since = fetch(client, token, **{"If-Modified-Since": first.headers["Last-Modified"]})
        assert since.status_code == 304
        cancel_visit(world.coordinator, visit, "住院了")
        assert fetch(client, token, **{"If-None-Match": first.headers["ETag"]}).status_code == 200

    def test_as_often_as_calendars_ask_and_no_more(
        self, world: World, client: "FlaskClient", app: Any, monkeypatch: Any
    ) -> None:
        import dataclasses

        settings = dataclasses.replace(app.extensions["settings"], rate_limits=True)
        monkeypatch.setitem(app.extensions, "settings", settings)
        _feed, token = make_feed(world.me, FeedKind.OWN)
        codes = [fetch(client, token).status_code for _n in range(42)]
        assert codes == [200] * 40 + [429] * 2
        guesses = [fetch(client, f"guess{n}").status_code for n in range(32)]
        assert guesses == [404] * 30 + [429] * 2

    def test_two_queries_whatever_the_number(
        self, world: World, client: "FlaskClient", queries: list[str]
    ) -> None:
        for hour in range(9, 15):
            world.visit(1, time(hour), world.worker)
        _feed, token = make_feed(world.me, FeedKind.OWN)
        del queries[:]
        answer = fetch(client, token)
        assert len(read(answer.data)) == 6
        assert len(queries) <= 6

    def test_an_empty_calendar_is_a_calendar(self, world: World, client: "FlaskClient") -> None:
        _feed, token = make_feed(world.me, FeedKind.OWN)
        answer = fetch(client, token)
        assert answer.status_code == 200
        assert read(answer.data) == []


def test_nothing_is_lost_between_writer_and_reader() -> None:
    """Texts with everything that has a meaning in the format, in lines longer than it allows."""
    begins = datetime(2026, 3, 26, 9, 0, tzinfo=LOCAL)
    entries = [
        Entry(
            uid=f"{n}@tanfang",
            starts_at=begins.astimezone(UTC) + timedelta(minutes=n),
            ends_at=begins.astimezone(UTC) + timedelta(minutes=n + 30),
            title=title,
            place=title,
            path="/visits/1",
            cancelled=bool(n % 2),
            tentative=False,
            sequence=n,
            made_at=NOW,
            changed_at=NOW + timedelta(seconds=n),
        )
        for n, title in enumerate(
            [RARE * 40, "a,b;c\\d\\n\ne:f\"g'", "😀" * 50, "BEGIN:VEVENT\r\nUID:x", "字", ""]
        )
    ]
    body = render("日历", entries, "https://tanfang.example.org")
    assert all(len(line) <= 75 for line in body.split(b"\r\n"))
    events = read(body)
    assert len(events) == len(entries)
    for entry, event in zip(entries, events, strict=True):
        assert event.uid.value == entry.uid
        title = entry.title.replace("\r\n", "\n")
        assert event.summary.value == (f"已取消 {title}" if entry.cancelled else title)
        assert event.location.value == entry.place.replace("\r\n", "\n")
        assert (event.dtstart.value, event.dtend.value) == (entry.starts_at, entry.ends_at)
        assert int(event.sequence.value) == entry.sequence
        assert event.dtstamp.value == entry.changed_at
    assert render("日历", entries, "https://tanfang.example.org") == body


def test_feeds_without_a_request(world: World, db_session: Any) -> None:
    """The entries themselves, for an area: community, state, nobody's name."""
    world.visit(1, time(9))
    feed, _token = make_feed(world.coordinator, FeedKind.AREA, area=world.tree.street)
    feed = db_session.get(CalendarFeed, feed.id)
    (entry,) = entries_of(feed)
    assert entry.tentative
    assert not entry.cancelled
    assert clock.to_local(entry.starts_at).hour == 9
