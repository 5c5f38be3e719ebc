"""What Luzhou's pack owes, at every boundary: periods, birthdays, enrolment, leaving, events, consent."""

from datetime import date, timedelta

import pytest

from coordinator.policy import Consent, Contact, DisabilityCertificate, Event, tier

D = date
FESTIVAL = Event("festival", "春节", D(2026, 2, 16), D(2026, 2, 22))


def spans(found):
    return [(o.rule.removeprefix("luzhou."), o.period_from, o.period_to) for o in found]


def statuses(found):
    return [str(o.status) for o in found]


@pytest.mark.parametrize(
    ("year", "month", "last"),
    [(2025, 2, 28), (2024, 2, 29), (2026, 4, 30), (2026, 12, 31)],
)
def test_month_and_half_months_of_each_length(owed, make_elder, year, month, last):
    first, end = D(year, month, 1), D(year, month, last)
    general = owed(make_elder(), start=first, end=end, as_of=end)
    assert spans(general) == [("general.month", first, end)]
    key = owed(make_elder(categories=["kinless"]), start=first, end=end, as_of=end)
    assert spans(key) == [
        ("key.half_month", first, D(year, month, 15)),
        ("key.half_month", D(year, month, 16), end),
    ]


@pytest.mark.parametrize(("day", "counted"), [(15, [1, 0]), (16, [0, 1])])
def test_the_15th_and_16th_belong_to_different_halves(owed, make_elder, visit, day, counted):
    found = owed(make_elder(categories=["kinless"]), [visit(D(2026, 2, day))])
    assert [o.counted for o in found] == counted


def test_periods_that_only_overlap_the_span_are_whole(owed, make_elder, visit):
    found = owed(make_elder(), [visit(D(2026, 2, 3))], start=D(2026, 2, 27), end=D(2026, 3, 1))
    assert spans(found) == [
        ("general.month", D(2026, 2, 1), D(2026, 2, 28)),
        ("general.month", D(2026, 3, 1), D(2026, 3, 31)),
    ]
    assert statuses(found) == ["met", "owed"]


@pytest.mark.parametrize(
    ("facts", "expected", "words"),
    [
        ({}, "general", "不符合重点对象的条件，列为一般对象。"),
        ({"categories": ["kinless"]}, "key", "属于孤寡老年人，列为重点对象。"),
        ({"categories": ["living_alone"]}, "general", "不符合重点对象的条件，列为一般对象。"),
        ({"birth_date": D(1940, 1, 1)}, "general", "不符合重点对象的条件，列为一般对象。"),
        (
            {"categories": ["living_alone"], "birth_date": D(1940, 1, 1)},
            "key",
            "年满 80 周岁且独居，列为重点对象。",
        ),
        ({"categories": ["empty_nest"], "birth_date": D(1940, 1, 1)}, "general", None),
        ({"ability_level": 1}, "general", None),
        ({"ability_level": 2}, "key", "经评估为中度失能，列为重点对象。"),
        ({"ability_level": 4}, "key", "经评估为完全失能，列为重点对象。"),
        (
            {"disability": DisabilityCertificate(2, D(2026, 2, 1))},
            "key",
            "残疾人证有效，残疾等级二级，列为重点对象。",
        ),
        ({"disability": DisabilityCertificate(2, D(2026, 1, 31))}, "general", None),
        ({"disability": DisabilityCertificate(3, D(2030, 1, 1))}, "general", None),
        ({"economic_status": "destitute", "hardship": True}, "general", None),
        (
            {"ability_level": 3, "categories": ["kinless"]},
            "key",
            "属于孤寡老年人；经评估为重度失能，列为重点对象。",
        ),
    ],
)
def test_tier_and_why(luzhou, make_elder, facts, expected, words):
    decision = tier(luzhou, make_elder(**facts), D(2026, 2, 1))
    assert decision.id == expected
    assert words is None or decision.why == words


def test_turning_80_in_mid_month_owes_the_month_and_the_second_half(owed, make_elder):
    elder = make_elder(categories=["living_alone"], birth_date=D(1946, 2, 10))
    found = owed(elder)
    assert spans(found) == [
        ("general.month", D(2026, 2, 1), D(2026, 2, 28)),
        ("key.half_month", D(2026, 2, 16), D(2026, 2, 28)),
    ]


@pytest.mark.parametrize(("birthday", "first_half_is_key"), [(1, True), (2, False)])
def test_the_80th_birthday_itself_counts(owed, make_elder, birthday, first_half_is_key):
    elder = make_elder(categories=["living_alone"], birth_date=D(1946, 2, birthday))
    rules = {(o.tier, o.period_from.day) for o in owed(elder)}
    assert (("key", 1) in rules) is first_half_is_key
    assert (("general", 1) in rules) is not first_half_is_key


def test_certificate_expiring_in_mid_month_is_judged_at_each_period_start(owed, make_elder):
    on_the_16th = make_elder(disability=DisabilityCertificate(1, D(2026, 2, 16)))
    assert [o.tier for o in owed(on_the_16th)] == ["key", "key"]
    on_the_15th = make_elder(disability=DisabilityCertificate(1, D(2026, 2, 15)))
    assert spans(owed(on_the_15th)) == [("key.half_month", D(2026, 2, 1), D(2026, 2, 15))]


def test_tier_is_decided_on_the_enrolment_day_if_later(owed, make_elder):
    elder = make_elder(categories=["living_alone"], birth_date=D(1946, 2, 5), enrolled_on=D(2026, 2, 5))
    assert [o.tier for o in owed(elder)] == ["key", "key"]


@pytest.mark.parametrize(
    ("enrolled", "first_half", "second_half"),
    [
        (D(2026, 1, 31), "overdue", "owed"),
        (D(2026, 2, 8), "overdue", "owed"),  # 7 days before the 15th
        (D(2026, 2, 9), "waived", "owed"),
        (D(2026, 2, 15), "waived", "owed"),
        (D(2026, 2, 21), None, "owed"),  # 7 days before the 28th
        (D(2026, 2, 22), None, "waived"),
        (D(2026, 3, 1), None, None),
    ],
)
def test_enrolment_shortly_before_the_period_end(owed, make_elder, enrolled, first_half, second_half):
    found = owed(make_elder(categories=["kinless"], enrolled_on=enrolled), as_of=D(2026, 2, 20))
    by_half = {o.period_from.day: o for o in found}
    assert [by_half[d].status if d in by_half else None for d in (1, 16)] == [first_half, second_half]
    assert all(o.reason == "not_yet_enrolled_long_enough" for o in found if o.status == "waived")


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        (D(2026, 2, 1), []),
        (D(2026, 2, 2), [("waived", "left_before_period_end")]),
        (D(2026, 2, 15), [("waived", "left_before_period_end")]),
        (D(2026, 2, 16), [("overdue", None)]),
        (D(2026, 2, 28), [("overdue", None), ("waived", "left_before_period_end")]),
        (D(2026, 3, 1), [("overdue", None), ("owed", None)]),
    ],
)
def test_leaving(owed, make_elder, left, expected):
    found = owed(make_elder(categories=["kinless"], left_on=left))
    assert [(o.status, o.reason) for o in found] == expected


def test_enrolled_and_left_the_same_day_was_never_active(owed, make_elder):
    assert owed(make_elder(enrolled_on=D(2026, 2, 10), left_on=D(2026, 2, 10))) == []


def test_owed_until_the_last_day_and_overdue_after_it(owed, make_elder):
    on_last, after = (owed(make_elder(), as_of=D(2026, 2, 28)), owed(make_elder(), as_of=D(2026, 3, 2)))
    assert (on_last[0].status, on_last[0].days_left(D(2026, 2, 28))) == ("owed", 0)
    assert (after[0].status, after[0].days_overdue(D(2026, 3, 2))) == ("overdue", 2)
    assert owed(make_elder(), as_of=D(2026, 2, 21))[0].days_left(D(2026, 2, 21)) == 7
    assert on_last[0].days_overdue(D(2026, 2, 28)) == 0


def test_every_reason_a_contact_is_not_counted(owed, make_elder, visit):
    elder = make_elder(enrolled_on=D(2026, 2, 2), left_on=D(2026, 2, 27))
    contacts = [
        visit(D(2026, 2, 27)),
        visit(D(2026, 2, 1)),
        visit(D(2026, 2, 5), mode="phone"),
        visit(D(2026, 2, 6), outcome="no_answer"),
        visit(D(2026, 2, 7)),
        visit(D(2026, 2, 7)),
        visit(D(2026, 2, 24)),
        visit(D(2026, 2, 25), mode="phone", outcome="declined"),
        visit(D(2026, 3, 1)),
        Contact("another", D(2026, 2, 10), "home", "completed"),
    ]
    (found,) = owed(elder, contacts, as_of=D(2026, 2, 20))
    assert [(v.index, v.counted, v.why) for v in found.contacts] == [
        (1, False, "not_active"),
        (2, False, "mode_not_counted"),
        (3, False, "not_completed"),
        (4, True, None),
        (5, False, "same_day"),
        (6, False, "after_as_of"),
        (7, False, "mode_not_counted"),
        (0, False, "after_as_of"),
    ]
    assert found.counted == 1


def test_a_failed_attempt_does_not_use_up_the_day(owed, make_elder, visit):
    day = D(2026, 2, 7)
    (found,) = owed(make_elder(), [visit(day, outcome="no_answer"), visit(day), visit(day)])
    assert [v.why for v in found.contacts] == ["not_completed", None, "same_day"]
    assert found.status == "met"


def test_contacts_beyond_the_required_number_are_counted(owed, make_elder, visit):
    (found,) = owed(make_elder(), [visit(D(2026, 2, d)) for d in (3, 9, 20)])
    assert (found.required, found.counted) == (1, 3)


def test_a_contact_on_the_as_of_day_counts(owed, make_elder, visit):
    (found,) = owed(make_elder(), [visit(D(2026, 2, 20))], as_of=D(2026, 2, 20))
    assert found.status == "met"


@pytest.mark.parametrize("kind", ["festival", "extreme_weather"])
def test_surge_owes_one_contact_of_any_mode(owed, make_elder, visit, kind):
    event = Event(kind, "春节", D(2026, 2, 16), D(2026, 2, 22))
    found = owed(make_elder(), [visit(D(2026, 2, 17), mode="encounter")], [event])
    month, surge = found
    assert (month.status, surge.status) == ("owed", "met")
    assert surge.rule == f"luzhou.surge.{kind}"
    assert (surge.period_from, surge.period_to, surge.tier) == (event.start, event.end, "general")
    assert list(surge.modes) == ["chat", "encounter", "home", "monitor", "other", "phone", "video"]
    assert surge.rule_label == "春节期间联系 1 次"


def test_one_home_visit_counts_for_month_and_surge(owed, make_elder, visit):
    found = owed(make_elder(), [visit(D(2026, 2, 17))], [FESTIVAL])
    assert statuses(found) == ["met", "met"]


def test_surge_across_two_months_is_printed_for_either(owed, make_elder):
    event = Event("extreme_weather", "寒潮", D(2026, 2, 27), D(2026, 3, 3))
    for start, end in [(D(2026, 2, 1), D(2026, 2, 28)), (D(2026, 3, 1), D(2026, 3, 31))]:
        found = [o for o in owed(make_elder(), events=[event], start=start, end=end) if o.event]
        assert spans(found) == [("surge.extreme_weather", event.start, event.end)]
    outside = owed(make_elder(), events=[event], start=D(2026, 4, 1), end=D(2026, 4, 30))
    assert [o.event for o in outside] == [None]


def test_surge_ignores_the_enrolment_rule_but_not_leaving_or_never_active(owed, make_elder):
    late = owed(make_elder(enrolled_on=D(2026, 2, 22)), events=[FESTIVAL])
    surge = next(o for o in late if o.event)
    assert (surge.status, surge.reason) == ("overdue", None)
    left = owed(make_elder(left_on=D(2026, 2, 22)), events=[FESTIVAL])
    assert next(o for o in left if o.event).reason == "left_before_period_end"
    assert not [o for o in owed(make_elder(enrolled_on=D(2026, 2, 23)), events=[FESTIVAL]) if o.event]


def test_an_epidemic_owes_nothing_of_its_own(owed, make_elder):
    event = Event("epidemic", "流感", D(2026, 2, 10), D(2026, 2, 12))
    assert spans(owed(make_elder(), events=[event])) == [("general.month", D(2026, 2, 1), D(2026, 2, 28))]


def test_refusal_waives_everything_even_what_was_done(owed, make_elder, visit):
    elder = make_elder(consent=Consent("refused", "granted"))
    found = owed(elder, [visit(D(2026, 2, 17))], [FESTIVAL])
    assert [(o.status, o.reason, o.counted) for o in found] == [("waived", "service_refused", 1)] * 2


def test_remote_only_blocks_home_but_not_the_surge(owed, make_elder):
    month, surge = owed(make_elder(consent=Consent("remote_only")), events=[FESTIVAL], as_of=D(2026, 2, 18))
    assert (month.status, month.blocked) == ("owed", "remote_only")
    assert (surge.status, surge.blocked) == ("owed", None)


def test_blocked_only_while_owed(owed, make_elder, visit):
    elder = make_elder(consent=Consent("remote_only"))
    assert owed(elder, as_of=D(2026, 3, 1))[0].blocked is None
    assert owed(elder, [visit(D(2026, 2, 3))])[0].blocked is None


def test_luzhou_needs_no_home_consent_and_unknown_consent_owes(owed, make_elder):
    for home in ("unknown", "refused"):
        (found,) = owed(make_elder(consent=Consent("unknown", home)))
        assert (found.status, found.blocked) == ("owed", None)


@pytest.mark.parametrize(
    ("spans_of_events", "blocked"),
    [
        ([(D(2026, 2, 20), D(2026, 2, 28))], "epidemic"),
        ([(D(2026, 1, 1), D(2026, 3, 31))], "epidemic"),
        ([(D(2026, 2, 20), D(2026, 2, 27))], None),
        ([(D(2026, 2, 21), D(2026, 2, 28))], None),
        ([(D(2026, 2, 15), D(2026, 2, 23)), (D(2026, 2, 24), D(2026, 3, 2))], "epidemic"),
        ([(D(2026, 2, 15), D(2026, 2, 22)), (D(2026, 2, 24), D(2026, 3, 2))], None),
    ],
)
def test_epidemic_blocks_when_it_covers_the_rest_of_the_period(owed, make_elder, spans_of_events, blocked):
    events = [Event("epidemic", "流感", start, end) for start, end in spans_of_events]
    month, *surges = owed(make_elder(), events=[*events, FESTIVAL], as_of=D(2026, 2, 20))
    assert (month.status, month.blocked) == ("owed", blocked)
    assert [o.blocked for o in surges] == [None]


def test_epidemic_blocks_a_future_period_it_covers_from_its_first_day(owed, make_elder):
    event = Event("epidemic", "流感", D(2026, 3, 1), D(2026, 3, 31))
    february, march = owed(make_elder(), events=[event], end=D(2026, 3, 31), as_of=D(2026, 2, 20))
    assert (february.blocked, march.blocked) == (None, "epidemic")


def test_remote_only_comes_before_epidemic(owed, make_elder):
    event = Event("epidemic", "流感", D(2026, 2, 1), D(2026, 2, 28))
    (found,) = owed(make_elder(consent=Consent("remote_only")), events=[event])
    assert found.blocked == "remote_only"


def test_what_a_page_shows(owed, make_elder):
    found = owed(make_elder(categories=["living_alone"], birth_date=D(1940, 1, 1)))[0]
    assert found.rule_label == "半月上门 1 次"
    assert found.mark == ("高龄独居", "每半月至少上门探访服务1次")
    assert all(words in found.source.quote for words in found.mark)
    assert found.tier_name == "重点对象"
    assert found.why == "年满 80 周岁且独居，列为重点对象。"
    assert found.notes == (
        "半月按 1–15 日、16 日–月底计算。文件没有写明，这是本街道的设定。",
        "高龄按年满 80 周岁计算，80 岁生日当天算年满。文件没有写明，这是本街道的设定。",
    )


def test_order_of_output(owed, make_elder):
    events = [FESTIVAL, Event("extreme_weather", "寒潮", D(2026, 2, 16), D(2026, 2, 17))]
    found = owed(make_elder(categories=["kinless"]), events=events)
    keys = [(o.period_from, o.rule) for o in found]
    assert keys == sorted(keys)
    assert len(found) == 4


def test_an_empty_span_owes_nothing(owed, make_elder):
    assert owed(make_elder(), start=D(2026, 2, 2), end=D(2026, 2, 1)) == []


def test_a_long_span_has_every_period_once(owed, make_elder):
    found = owed(make_elder(categories=["kinless"]), start=D(2024, 1, 1), end=D(2024, 12, 31))
    assert len(found) == 24
    days = sum((o.period_to - o.period_from + timedelta(days=1)).days for o in found)
    assert days == 366
