"""From closed visits to lines in a chain: entering, taking back, the database's own rules, the check."""

from __future__ import annotations

import json
from datetime import date, time, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from coordinator.extensions import db
from coordinator.fieldwork.models import PresenceKind, PresenceMethod, RecordState
from coordinator.hours import services
from coordinator.hours.cli import ledger
from coordinator.hours.models import EntryKind, Evidence, HoursEntry
from coordinator.hours.services.chain import append, lock_chains
from coordinator.kernel.access import SYSTEM
from coordinator.kernel.audit import AuditEntry
from coordinator.kernel.errors import Conflict, InvalidInput, NotAllowed
from coordinator.messages.models import Message
from coordinator.visits.lifecycle import VisitState
from tests.coordinator.hours.conftest import There, World
from tests.factories import make_actor, make_household


def codes(entry: HoursEntry) -> list[str]:
    return [finding["code"] for finding in entry.derivation["findings"]]


class TestEntering:
    def test_a_line_says_how_it_was_derived(self, world: World):
        worker = world.worker()
        entry = world.entry(worker, left=44)
        assert (entry.minutes_present, entry.minutes, entry.evidence) == (44, 30, Evidence.STRONG)
        assert (entry.position, entry.previous_hash, entry.number) == (1, None, f"SS-{worker.id}-0001")
        assert entry.derivation == {
            "arrived_at": "2026-03-21T06:00:00+00:00",
            "left_at": "2026-03-21T06:44:00+00:00",
            "minor": False,
            "step_minutes": 15,
            "day_cap_minutes": 480,
            "longest_minutes": 240,
            "elsewhere": 0,
            "over_longest": 0,
            "rounded_off": 14,
            "over_cap": 0,
            "findings": [],
        }
        line = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "hours.enter")).one()
        assert (line.object_id, line.area_id) == (entry.id, entry.visit.area_id)
        assert line.changes == {"worker_id": worker.id, "position": 1, "hash": entry.hash.hex()}

    def test_twice_is_once(self, world: World):
        visit = world.closed(There(world.worker()))
        assert len(services.enter_visit(visit.id)) == 1
        assert services.enter_visit(visit.id) == []
        assert db.session.scalar(select(func.count()).select_from(HoursEntry)) == 1

    @pytest.mark.parametrize("state", [VisitState.IN_PROGRESS, VisitState.NOT_MET, VisitState.MISSED])
    def test_only_completed_visits_count(self, world: World, state: VisitState):
        visit = world.closed(There(world.worker()), state=state, record=None)
        assert services.enter_visit(visit.id) == []
        assert services.enter_visit(visit.id + 1000) == []

    def test_whoever_leaves_later_gets_the_line_later(self, world: World):
        first, second = world.worker(), world.worker()
        slow = There(second, left=None)
        visit = world.closed(There(first), slow)
        assert [entry.worker_id for entry in services.enter_visit(visit.id)] == [first.id]
        world.mark(visit, slow, PresenceKind.LEFT, 60)
        late = services.enter_visit(visit.id)
        assert [(entry.worker_id, entry.minutes) for entry in late] == [(second.id, 60)]

    def test_whoever_never_came_gets_none(self, world: World):
        visit = world.closed(There(world.worker()), There(world.worker(), arrived=None, left=None))
        assert len(services.enter_visit(visit.id)) == 1

    def test_leaving_before_arriving_gives_nothing_and_stops_nothing(self, world: World):
        good, odd = world.worker(), world.worker()
        visit = world.closed(There(odd, arrived=50, left=40), There(good))
        assert [entry.worker_id for entry in services.enter_visit(visit.id)] == [good.id]

    def test_a_minor_beside_an_adult_who_is_still_there(self, world: World):
        minor, adult = world.minor(), world.worker()
        visit = world.closed(There(minor, arrived=1, left=40), There(adult, left=None))
        entry = services.enter_visit(visit.id)[0]
        assert (entry.worker_id, codes(entry), entry.derivation["minor"]) == (minor.id, [], True)

    def test_a_minor_whom_the_adult_left(self, world: World):
        minor, adult = world.minor(), world.worker()
        visit = world.closed(There(minor), There(adult, left=25))
        entries = {entry.worker_id: entry for entry in services.enter_visit(visit.id)}
        assert codes(entries[minor.id]) == ["adult_not_there"]
        assert entries[minor.id].derivation["findings"][0]["minutes"] == 15
        assert codes(entries[adult.id]) == []

    def test_another_minor_is_no_adult(self, world: World):
        visit = world.closed(There(world.minor()), There(world.minor()))
        assert [codes(entry) for entry in services.enter_visit(visit.id)] == [["adult_not_there"]] * 2

    def test_the_days_cap_counts_over_visits(self, world: World):
        world.tree.street.settings = {"hours": {"day_cap_minutes": 60}}
        db.session.flush()
        worker = world.worker()
        made = [world.entry(worker, start=time(hour)).minutes for hour in (8, 10, 14)]
        other_day = world.entry(worker, day=date(2026, 3, 22))
        assert (made, other_day.minutes) == ([30, 30, 0], 30)

    def test_two_homes_at_once(self, world: World):
        worker = world.worker()
        far = world.elder(household=make_household(world.tree.community, latitude=28.95, longitude=105.5))
        world.entry(worker)
        entry = world.entry(worker, start=time(14, 20), elder=far)
        assert (codes(entry), entry.evidence) == (["two_places_at_once"], Evidence.DOUBTFUL)
        assert (entry.minutes_present, entry.derivation["elsewhere"], entry.minutes) == (40, 20, 15)

    def test_a_couple_visited_together_counts_once(self, world: World):
        worker = world.worker()
        home = make_household(world.tree.community)
        first = world.entry(worker, elder=world.elder(household=home))
        second = world.entry(worker, elder=world.elder(household=home), left=55)
        assert (first.minutes, second.derivation["elsewhere"], second.minutes) == (30, 40, 15)
        assert second.evidence is Evidence.STRONG

    def test_what_was_taken_back_takes_nothing_off(self, world: World):
        worker = world.worker()
        home = make_household(world.tree.community)
        services.reverse_entry(world.street, world.entry(worker, elder=world.elder(household=home)), "录错人")
        assert world.entry(worker, elder=world.elder(household=home)).minutes == 30

    def test_too_fast_between_homes(self, world: World):
        worker = world.worker()
        far = world.elder(household=make_household(world.tree.community, latitude=28.95, longitude=105.5))
        world.entry(worker)
        entry = world.entry(worker, start=time(14, 42), elder=far)
        assert codes(entry) == ["too_fast"]

    def test_only_somebodys_word(self, world: World):
        entry = world.entry(world.worker(), method=PresenceMethod.WORD)
        assert (codes(entry), entry.evidence) == (["no_place", "no_place"], Evidence.WEAK)


class TestTakingBack:
    def test_a_second_line_and_a_message(self, world: World):
        worker = world.worker()
        entry = world.entry(worker)
        reversal = services.reverse_entry(world.street, entry, " 录错了\n人 ")
        assert (reversal.kind, reversal.minutes, reversal.reverses_id) == (EntryKind.REVERSAL, -30, entry.id)
        assert (reversal.position, reversal.previous_hash) == (2, entry.hash)
        assert reversal.derivation == {"reason": "录错了 人", "by": "周敏"}
        line = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "hours.reverse")).one()
        assert (line.user_id, line.area_id) == (world.street.user_id, entry.visit.area_id)
        assert "录错了 人" in line.summary
        message = db.session.scalars(select(Message)).one()
        assert (message.user_id, message.link) == (worker.user_id, "/hours/mine")
        assert "录错了 人" in message.body
        assert entry.visit.elder.name not in message.title + message.body

    def test_once_only_and_no_reversal_of_a_reversal(self, world: World):
        entry = world.entry(world.worker())
        reversal = services.reverse_entry(world.street, entry, "录错人")
        for one in (entry, reversal):
            with pytest.raises(Conflict):
                services.reverse_entry(world.street, one, "再来")
        assert db.session.scalar(select(func.count()).select_from(HoursEntry)) == 2

    def test_with_a_reason_by_somebody_of_the_area(self, world: World):
        entry = world.entry(world.worker())
        for reason in ("", " \n", "\x00", "长" * 501):
            with pytest.raises(InvalidInput) as refused:
                services.reverse_entry(world.street, entry, reason)
            assert refused.value.field == "reason"
        stranger = make_actor(area=world.tree.other_street)
        for actor in (stranger, world.verifier):
            with pytest.raises(NotAllowed):
                services.reverse_entry(actor, entry, "录错人")

    def test_not_ones_own(self, world: World):
        entry = world.entry(world.worker())
        me = make_actor(area=world.tree.street, worker_id=entry.worker_id)
        with pytest.raises(Conflict) as refused:
            services.reverse_entry(me, entry, "录错人")
        assert refused.value.code == "own_entry"

    def test_not_from_under_a_certificate(self, world: World):
        worker = world.worker()
        entry = world.entry(worker)
        certificate = services.issue_certificate(world.street, worker, date(2026, 3, 1), date(2026, 3, 26))
        with pytest.raises(Conflict, match=certificate.number):
            services.reverse_entry(world.street, entry, "录错人")
        services.revoke_certificate(world.street, certificate, "开错了")
        assert services.reverse_entry(world.street, entry, "录错人").minutes == -30


class TestDatabase:
    """What the tables refuse whatever the code asks for."""

    def line(self, world: World, visit, worker, **over):
        lock_chains([worker.id])
        values = {
            "worker_id": worker.id,
            "visit_id": visit.id,
            "kind": EntryKind.SERVICE,
            "reverses_id": None,
            "service_on": date(2026, 3, 21),
            "minutes_present": 40,
            "minutes": 30,
            "evidence": Evidence.STRONG,
            "derivation": {},
            "policy_version_id": None,
        }
        with db.session.begin_nested():
            return append(SYSTEM, "", visit.area_id, **(values | over))

    def test_no_hours_without_a_closed_visit_and_both_presences(self, world: World):
        worker = world.worker()
        open_visit = world.closed(There(worker), state=VisitState.IN_PROGRESS, record=None)
        not_left = world.closed(There(worker, left=None), day=date(2026, 3, 20))
        of_another = world.closed(There(world.worker()), day=date(2026, 3, 19))
        for visit in (open_visit, not_left, of_another):
            with pytest.raises(IntegrityError, match="no hours without"):
                self.line(world, visit, worker)

    def test_never_more_than_the_time_there(self, world: World):
        worker = world.worker()
        visit = world.closed(There(worker))
        with pytest.raises(IntegrityError, match="more hours than"):
            self.line(world, visit, worker, minutes=42)
        with pytest.raises(IntegrityError, match="sign_of_kind"):
            self.line(world, visit, worker, minutes=-1)
        assert self.line(world, visit, worker, minutes=40).id

    def test_one_line_for_a_visit_and_worker(self, world: World):
        worker = world.worker()
        visit = world.closed(There(worker))
        self.line(world, visit, worker)
        with pytest.raises(IntegrityError, match="uq_hours_entries_service"):
            self.line(world, visit, worker)

    def test_a_reversal_takes_back_exactly_its_entry(self, world: World):
        worker = world.worker()
        entry = world.entry(worker)
        for minutes, reverses in ((-29, entry.id), (-30, None)):
            with pytest.raises(IntegrityError):
                self.line(
                    world, entry.visit, worker, kind=EntryKind.REVERSAL, minutes=minutes, reverses_id=reverses
                )

    @pytest.mark.parametrize(
        "statement", ["UPDATE hours_entries SET minutes = 0", "DELETE FROM hours_entries"]
    )
    def test_lines_are_never_changed(self, world: World, statement: str):
        world.entry(world.worker())
        with pytest.raises(DBAPIError, match="never changed or deleted"), db.session.begin_nested():
            db.session.execute(text(statement))


def tamper(statement: str, **values) -> None:
    """As somebody with a database console would."""
    db.session.execute(text("ALTER TABLE hours_entries DISABLE TRIGGER append_only"))
    db.session.execute(text(statement), values)
    db.session.execute(text("ALTER TABLE hours_entries ENABLE TRIGGER append_only"))
    db.session.expire_all()


class TestChains:
    def three(self, world: World) -> list[HoursEntry]:
        worker = world.worker()
        world.entry(world.worker())
        return [world.entry(worker, day=date(2026, 3, day)) for day in (1, 2, 3)]

    def test_untouched(self, world: World):
        entries = self.three(world)
        services.reverse_entry(world.street, entries[1], "录错人")
        assert services.check_chains() == (5, 2, [])
        assert services.check_chains(entries[0].worker_id) == (4, 1, [])

    @pytest.mark.parametrize(
        ("column", "value"),
        [
            ("minutes", 45),
            ("minutes_present", 41),
            ("service_on", date(2026, 3, 9)),
            ("evidence", "strong"),
            ("derivation", json.dumps({"findings": []})),
            ("number", "SS-1-9999"),
            ("position", 9),
            ("previous_hash", None),
            ("hash", b"x"),
        ],
    )
    def test_a_changed_line_is_found(self, world: World, column: str, value):
        worker = world.worker()
        entry = world.entry(worker, method=PresenceMethod.WORD)
        world.entry(worker, day=date(2026, 3, 22))
        if column == "previous_hash":
            entry = world.entry(worker, day=date(2026, 3, 23))
        tamper(f"UPDATE hours_entries SET {column} = :value WHERE id = :id", value=value, id=entry.id)  # noqa: S608
        _lines, workers, broken = services.check_chains()
        assert (workers, len(broken)) == (1, 1)
        assert broken[0].startswith(f"worker {worker.id}: line")

    def test_a_line_given_to_somebody_else_is_found(self, world: World):
        entries = self.three(world)
        other = world.worker()
        tamper(
            "UPDATE hours_entries SET worker_id = :other, position = 1, previous_hash = NULL WHERE id = :id",
            other=other.id,
            id=entries[2].id,
        )
        assert len(services.check_chains()[2]) == 1

    @pytest.mark.parametrize("index", [0, 1, 2])
    def test_a_missing_line_is_found_the_last_one_too(self, world: World, index: int):
        entries = self.three(world)
        worker_id = entries[0].worker_id
        tamper("DELETE FROM hours_entries WHERE id = :id", id=entries[index].id)
        assert services.check_chains()[2] == [f"worker {worker_id}: line {index + 1} is missing"]

    def test_a_chain_computed_anew_is_found(self, world: World):
        """Whoever changes a line and all hashes after it has the audit trail against them."""
        entries = self.three(world)
        tamper("UPDATE hours_entries SET minutes = 45 WHERE id = :id", id=entries[1].id)
        previous = entries[0].hash
        for entry in entries[1:]:
            tamper("UPDATE hours_entries SET previous_hash = :p WHERE id = :id", p=previous, id=entry.id)
            previous = services.line_hash(entry)
            tamper("UPDATE hours_entries SET hash = :h WHERE id = :id", h=previous, id=entry.id)
        assert services.check_chains()[2] == [
            f"worker {entries[0].worker_id}: line 2 is not the one in the audit trail"
        ]

    def test_the_command(self, world: World, app):
        entries = self.three(world)
        runner = app.test_cli_runner()
        said = runner.invoke(ledger, ["verify"])
        assert (said.exit_code, said.output) == (0, "4 lines of 2 workers, 0 broken\n")
        tamper("UPDATE hours_entries SET minutes = 45 WHERE id = :id", id=entries[1].id)
        said = runner.invoke(ledger, ["verify"])
        assert said.exit_code == 1
        assert f"worker {entries[0].worker_id}: line 2 was changed" in said.output
        said = runner.invoke(ledger, ["verify", "--json"])
        assert (said.exit_code, json.loads(said.output)["lines"]) == (1, 4)

    @settings(
        max_examples=12,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(
        acts=st.lists(st.tuples(st.integers(0, 1), st.booleans(), st.integers(0, 90)), max_size=7),
        hit=st.integers(0, 100),
    )
    def test_whatever_is_written_the_chain_holds_until_it_is_touched(self, world: World, acts, hit):
        outer = db.session.begin_nested()
        try:
            workers = [world.worker(), world.worker()]
            written: list[HoursEntry] = []
            for number, (who, back, minutes) in enumerate(acts):
                standing = [
                    one
                    for one in written
                    if one.kind is EntryKind.SERVICE
                    and one.id not in {other.reverses_id for other in written}
                ]
                if back and standing:
                    written.append(services.reverse_entry(world.street, standing[0], "录错人"))
                else:
                    day = date(2026, 2, 1) + timedelta(days=number)
                    written.append(world.entry(workers[who], left=minutes, day=day))
            lines, _workers, broken = services.check_chains()
            assert (lines, broken) == (len(written), [])
            for worker in workers:
                own = [one.minutes for one in written if one.worker_id == worker.id]
                assert sum(own) >= 0
            if written:
                touched = written[hit % len(written)]
                tamper("UPDATE hours_entries SET minutes_present = -7 WHERE id = :id", id=touched.id)
                assert len(services.check_chains()[2]) == 1
        finally:
            outer.rollback()


def test_hours_of_a_returned_record_are_nobodys_yet(world: World):
    student = world.student()
    entry = world.entry(student, record=RecordState.RETURNED)
    assert entry.minutes == 30
    with pytest.raises(InvalidInput):
        services.issue_certificate(world.street, student, date(2026, 3, 1), date(2026, 3, 26))
