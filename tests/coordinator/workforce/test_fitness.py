"""Each rule of `fitness.unfit` by itself: one fit pair, one thing changed, one finding."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest

from coordinator.elders.models import Elder, Household, Sex, Skill
from coordinator.policy import Mode
from coordinator.workforce.fitness import (
    MESSAGES,
    OVERRIDABLE,
    REMEDIES,
    CredentialState,
    Load,
    Metres,
    Unfit,
    UnfitCode,
    credential_state,
    is_day_off,
    longest_span,
    unfit,
)
from coordinator.workforce.models import (
    Availability,
    AvailabilityException,
    Bar,
    Credential,
    CredentialKind,
    Guardian,
    Worker,
    WorkerKind,
    WorkerSkill,
    WorkerStatus,
)
from tests.factories import PLACE, visit_times

DAY = date(2026, 3, 26)  # a Thursday
MINOR_BIRTH = date(2010, 3, 27)  # 15 on DAY
CHILD_BIRTH = date(2013, 3, 26)  # 13 on DAY

pytestmark = pytest.mark.usefixtures("app")


def worker(**over) -> Worker:
    made = Worker(
        **{
            "id": 1,
            "kind": WorkerKind.VOLUNTEER,
            "status": WorkerStatus.APPROVED,
            "name": "周敏",
            "sex": Sex.FEMALE,
            "birth_date": date(1990, 5, 1),
            "start_latitude": PLACE[0],
            "start_longitude": PLACE[1],
            "service_radius_metres": 2500,
            "max_visits_day": 6,
            "max_visits_week": 15,
            "max_visits_month": 40,
            "max_hours_week": None,
            "dialects": [],
        }
        | over
    )
    for kind in CredentialKind:
        if kind is not CredentialKind.PROFESSIONAL:
            made.credentials.append(
                Credential(kind=kind, stands=True, valid_from=date(2025, 1, 1), valid_to=date(2026, 12, 31))
            )
    made.availability.append(Availability(weekday=3, starts=time(8, 0), ends=time(20, 0)))
    return made


def minor(**over) -> Worker:
    made = worker(**({"id": 2, "name": "林小雨", "birth_date": MINOR_BIRTH} | over))
    made.guardians.append(consent())
    return made


def consent(**over) -> Guardian:
    values = {"name": "林父", "relation": "父亲", "phone": "13800000001", "scope": "陪同成年人探访"}
    return Guardian(**(values | {"given_on": date(2025, 9, 1), "valid_to": date(2026, 8, 31)} | over))


def elder(**over) -> Elder:
    home = Household(latitude=PLACE[0], longitude=PLACE[1])
    values = {"id": 9, "minors_welcome": True, "needs_skills": [], "dialect": None, "prefers_sex": None}
    return Elder(**(values | {"household": home} | over))


def codes(found: list[Unfit]) -> set[UnfitCode]:
    return {one.code for one in found}


def judge(who: Worker, whom: Elder | None = None, start: time = time(9, 0), minutes: int = 30, **options):
    return codes(unfit(who, whom or elder(), *visit_times(DAY, start, minutes), **options))


def test_a_ready_worker_is_fit():
    assert judge(worker()) == set()
    assert judge(worker(), load=Load(day=5, week=14, month=39)) == set()


@pytest.mark.parametrize("status", [WorkerStatus.APPLIED, WorkerStatus.SUSPENDED, WorkerStatus.LEFT])
def test_only_approved_workers(status):
    assert judge(worker(status=status)) == {UnfitCode.NOT_APPROVED}


@pytest.mark.parametrize("kind", [k for k in CredentialKind if k is not CredentialKind.PROFESSIONAL])
def test_each_duty_credential_is_asked_for(kind):
    who = worker()
    who.credentials[:] = [one for one in who.credentials if one.kind is not kind]
    found = unfit(who, elder(), *visit_times(DAY))
    assert codes(found) == {UnfitCode.CREDENTIAL_MISSING}
    assert found[0].values["what"] == kind
    assert found[0].hard


def test_a_credential_ends_with_its_last_day():
    who = worker()
    insurance = next(one for one in who.credentials if one.kind is CredentialKind.INSURANCE)
    insurance.valid_to = DAY
    assert judge(who) == set()
    insurance.valid_to = date(2026, 3, 25)
    found = unfit(who, elder(), *visit_times(DAY))
    assert codes(found) == {UnfitCode.CREDENTIAL_EXPIRED}
    assert "人身意外保险" in found[0].message
    assert "3月25日" in found[0].message
    who.credentials.append(
        Credential(kind=CredentialKind.INSURANCE, stands=True, valid_from=date(2026, 3, 26), valid_to=None)
    )
    assert judge(who) == set()


def test_a_credential_that_begins_later_is_missing():
    who = worker()
    training = next(one for one in who.credentials if one.kind is CredentialKind.TRAINING)
    training.valid_from = date(2026, 3, 27)
    assert judge(who) == {UnfitCode.CREDENTIAL_MISSING}


def test_a_telephone_call_needs_neither_insurance_nor_health_declaration():
    who = worker()
    who.credentials[:] = [
        one for one in who.credentials if one.kind in (CredentialKind.TRAINING, CredentialKind.AGREEMENT)
    ]
    assert judge(who, mode=Mode.PHONE) == set()
    assert judge(who, mode=Mode.HOME) == {UnfitCode.CREDENTIAL_MISSING}


def test_credential_states():
    held = [
        Credential(
            kind=CredentialKind.TRAINING, stands=True, valid_from=date(2026, 1, 1), valid_to=date(2026, 4, 20)
        )
    ]
    assert credential_state(held, CredentialKind.TRAINING, date(2026, 3, 1))[0] is CredentialState.VALID
    assert credential_state(held, CredentialKind.TRAINING, DAY) == (
        CredentialState.EXPIRING,
        date(2026, 4, 20),
    )
    assert credential_state(held, CredentialKind.TRAINING, date(2026, 4, 21))[0] is CredentialState.EXPIRED
    assert credential_state(held, CredentialKind.INSURANCE, DAY) == (CredentialState.MISSING, None)


def test_nobody_below_ten():
    child = minor(birth_date=date(2016, 3, 27))
    assert UnfitCode.TOO_YOUNG in judge(child, companions=(worker(),), as_companion=True)
    child.birth_date = date(2016, 3, 26)
    assert judge(child, companions=(worker(),), as_companion=True) == set()


def test_a_minor_is_never_alone():
    student = minor()
    assert judge(student) == {UnfitCode.MINOR_ALONE}
    assert judge(student, companions=(minor(id=3),)) == {UnfitCode.MINOR_ALONE}
    assert judge(student, companions=(worker(status=WorkerStatus.SUSPENDED),)) == {UnfitCode.MINOR_ALONE}
    assert judge(student, companions=(worker(),)) == set()
    assert judge(minor(birth_date=date(2008, 3, 26))) == set()  # 18 today


def test_below_fourteen_only_beside_an_adult():
    child = minor(birth_date=CHILD_BIRTH)
    assert judge(child, companions=(worker(),)) == {UnfitCode.MINOR_ACCOMPANY_ONLY}
    assert judge(child, companions=(worker(),), as_companion=True) == set()
    assert UnfitCode.MINOR_ACCOMPANY_ONLY in judge(child, mode=Mode.PHONE)


def test_guardian_consent():
    student, adult = minor(), worker()
    student.guardians[:] = []
    assert judge(student, companions=(adult,)) == {UnfitCode.GUARDIAN_MISSING}
    student.guardians[:] = [consent(given_on=date(2026, 3, 27), valid_to=None)]
    assert judge(student, companions=(adult,)) == {UnfitCode.GUARDIAN_MISSING}
    student.guardians[:] = [consent(valid_to=date(2026, 3, 25))]
    assert judge(student, companions=(adult,)) == {UnfitCode.GUARDIAN_EXPIRED}
    withdrawn = consent(withdrawn_at=datetime(2026, 3, 1, tzinfo=UTC))
    student.guardians[:] = [withdrawn]
    assert judge(student, companions=(adult,)) == {UnfitCode.GUARDIAN_WITHDRAWN}
    # The other parent's earlier consent does not stand against the withdrawal; a later one does.
    student.guardians[:] = [withdrawn, consent(name="林母", relation="母亲")]
    assert judge(student, companions=(adult,)) == {UnfitCode.GUARDIAN_WITHDRAWN}
    student.guardians[:] = [withdrawn, consent(given_on=date(2026, 3, 10))]
    assert judge(student, companions=(adult,)) == set()


def test_a_home_not_for_minors():
    assert judge(minor(), elder(minors_welcome=False), companions=(worker(),)) == {
        UnfitCode.MINORS_NOT_WELCOME
    }
    assert judge(worker(), elder(minors_welcome=False)) == set()


@pytest.mark.parametrize(
    ("start", "minutes", "fit"),
    [(time(8, 0), 30, True), (time(7, 59), 30, False), (time(17, 30), 30, True), (time(17, 31), 30, False)],
)
def test_minors_visit_in_daylight(start, minutes, fit):
    student = minor()
    student.availability[:] = [Availability(weekday=3, starts=time(6, 0), ends=time(22, 0))]
    expected = set() if fit else {UnfitCode.MINOR_HOURS}
    assert judge(student, start=start, minutes=minutes, companions=(worker(),)) == expected
    assert judge(worker(), start=time(18, 30)) == set()


def test_skills_must_be_verified_and_may_be_shared():
    nursing = elder(needs_skills=[Skill.NURSING])
    who = worker()
    assert judge(who, nursing) == {UnfitCode.SKILL_MISSING}
    who.skills.append(WorkerSkill(skill=Skill.NURSING, verified_on=None))
    assert judge(who, nursing) == {UnfitCode.SKILL_MISSING}
    who.skills[0].verified_on = date(2026, 1, 1)
    assert judge(who, nursing) == set()
    assert judge(worker(id=3), nursing, companions=(who,)) == set()
    assert judge(worker(), nursing, needs_skills=[]) == set()


def test_bars():
    who = worker()
    who.bars.append(Bar(elder_id=9))
    assert judge(who) == {UnfitCode.BARRED}
    assert judge(who, elder(id=10)) == set()
    assert judge(who, mode=Mode.PHONE) == {UnfitCode.BARRED}


def test_the_elder_may_prefer_a_sex():
    found = unfit(worker(sex=Sex.MALE), elder(prefers_sex=Sex.FEMALE), *visit_times(DAY))
    assert codes(found) == {UnfitCode.SEX_PREFERENCE}
    assert found[0].message == "长者希望女士来"
    assert judge(worker(), elder(prefers_sex=Sex.FEMALE)) == set()
    assert judge(worker(sex=Sex.MALE), elder(prefers_sex=Sex.FEMALE), mode=Mode.PHONE) == set()


def test_the_dialect_is_a_warning():
    found = unfit(worker(), elder(dialect="四川话"), *visit_times(DAY))
    assert codes(found) == {UnfitCode.DIALECT}
    assert not found[0].hard
    assert judge(worker(dialects=["四川话"]), elder(dialect="四川话")) == set()


def test_the_radius_is_a_warning_with_the_distance():
    far = Household(latitude=PLACE[0] + 0.05, longitude=PLACE[1])
    found = unfit(worker(), elder(household=far), *visit_times(DAY))
    assert codes(found) == {UnfitCode.OUTSIDE_RADIUS}
    assert not found[0].hard
    assert "5.6 公里" in found[0].message
    assert judge(worker(), elder(household=far), mode=Mode.PHONE) == set()
    assert judge(worker(), elder(household=Household(latitude=None, longitude=None))) == set()


def test_days_off_and_hours():
    who = worker()
    assert judge(who, start=time(7, 30)) == {UnfitCode.OUT_OF_HOURS}
    assert judge(who, start=time(19, 45)) == {UnfitCode.OUT_OF_HOURS}
    who.exceptions.append(AvailabilityException(first_day=DAY, last_day=DAY))
    assert judge(who) == {UnfitCode.DAY_OFF}
    idle = worker()
    idle.availability[:] = [Availability(weekday=4, starts=time(8, 0), ends=time(18, 0))]
    found = unfit(idle, elder(), *visit_times(DAY))
    assert codes(found) == {UnfitCode.DAY_OFF}
    assert not found[0].hard


def test_limits():
    assert judge(worker(), load=Load(day=6)) == {UnfitCode.LIMIT_DAY}
    assert judge(worker(), load=Load(week=15)) == {UnfitCode.LIMIT_WEEK}
    assert judge(worker(), load=Load(month=40)) == {UnfitCode.LIMIT_MONTH}
    assert judge(worker(max_hours_week=2), load=Load(week_minutes=90)) == set()
    assert judge(worker(max_hours_week=2), load=Load(week_minutes=91)) == {UnfitCode.LIMIT_HOURS}


def test_several_findings_are_all_told():
    assert judge(minor(status=WorkerStatus.APPLIED), elder(prefers_sex=Sex.MALE), start=time(20, 0)) == {
        UnfitCode.NOT_APPROVED,
        UnfitCode.MINOR_ALONE,
        UnfitCode.MINOR_HOURS,
        UnfitCode.SEX_PREFERENCE,
        UnfitCode.OUT_OF_HOURS,
    }


@pytest.mark.parametrize("code", list(UnfitCode))
def test_every_code_has_a_text_and_a_remedy(code):
    values = {
        "name": "周敏",
        "what": CredentialKind.TRAINING,
        "day": DAY,
        "there": Metres(3000),
        "radius": Metres(2500),
        "count": 6,
        "limit": 6,
    }
    finding = Unfit(code, values)
    assert finding.message
    assert finding.remedy.endswith("。")
    assert "%" not in finding.message + finding.remedy
    assert finding.hard == (code not in OVERRIDABLE)
    assert set(MESSAGES) == set(REMEDIES) == set(UnfitCode)


def test_a_day_of_two_spans_has_a_break_between_them():
    who = worker()
    who.availability[:] = [
        Availability(weekday=3, starts=time(16, 0), ends=time(18, 0)),
        Availability(weekday=3, starts=time(8, 0), ends=time(11, 0)),
    ]
    for at, against in (
        (time(8, 0), set()),
        (time(10, 45), {UnfitCode.OUT_OF_HOURS}),
        (time(12, 0), {UnfitCode.OUT_OF_HOURS}),
        (time(16, 0), set()),
        (time(17, 45), {UnfitCode.OUT_OF_HOURS}),
    ):
        assert judge(who, start=at) == against, at


def test_hours_agreed_to_for_a_day_count_beside_the_weekly_ones():
    who, before, after = worker(), time(7, 0), time(7, 30)
    assert judge(who, start=before) == {UnfitCode.OUT_OF_HOURS}
    who.exceptions.append(AvailabilityException(first_day=DAY, last_day=DAY, starts=before, ends=time(8, 0)))
    assert judge(who, start=before) == judge(who, start=after) == set()
    assert longest_span(who, DAY)[0] == before
    assert longest_span(who, DAY + timedelta(days=7))[0] == time(8, 0)
    who.exceptions.append(AvailabilityException(first_day=DAY, last_day=DAY + timedelta(days=1)))
    assert not is_day_off(who.exceptions, DAY), "agreed to come after all"
    assert is_day_off(who.exceptions, DAY + timedelta(days=1))
