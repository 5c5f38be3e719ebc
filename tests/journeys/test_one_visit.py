"""One visit, from the rule to the certificate: the first test to read.

Everything goes through pages, as people use them; PostgreSQL, Redis and the worker process are real. The prose of
the same way is docs/one-visit.md. It is Thursday, 26 March 2026; the clock moves when somebody waits for a day.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO

import pytest
from flask import Flask
from pypdf import PdfReader

from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import Role
from coordinator.kernel.areas import AreaLevel, create_area
from tests import factories
from tests.journeys.person import Person, a_file
from tests.serving import Servers, WorkerProcess

THURSDAY = datetime(2026, 3, 26, 9, 0, tzinfo=clock.LOCAL)
FRIDAY = datetime(2026, 3, 27, 9, 0, tzinfo=clock.LOCAL)
NEW_PASSWORD = "竹影-river-5283"

ELDERS = """\
社区,姓名,性别,出生日期,住址,纬度,经度,对象类型,是否接受探访,是否同意上门,健在子女数,紧急联系人姓名,紧急联系人关系,紧急联系人电话,建档日期,方便的时间
柳岸社区,赵桂兰,女,1942-02-03,滨江路12号2栋301,28.8812,105.4412,独居,接受,同意,1,李小明,儿子,13900000001,2026-03-02,9:00-17:00
柳岸社区,钱守田,男,1940-06-01,滨江路14号,28.8815,105.4416,独居,接受,同意,1,钱建,儿子,13900000002,2026-03-02,9:00-11:30
柳岸社区,孙玉珍,女,1955-09-12,滨江路20号,28.8820,105.4420,空巢,接受,同意,2,孙丽,女儿,13900000003,2026-03-02,9:00-11:30
柳岸社区,坏样本,女,不知道,滨江路22号,28.8822,105.4422,空巢,接受,同意,2,某人,女儿,13900000004,2026-03-02,9:00-11:30
"""

_READY = (
    "2026-01-01,2026-12-31,BX-2026-0{n},2026-01-01,2026-12-31,2026-01-01,2026-12-31,2026-01-01,2026-12-31"
)
_DAYS, _AFTERNOONS = ",".join(["9:00-17:00"] * 7), ",".join(["13:00-17:00"] * 7)
WORKERS = (
    "类别,姓名,性别,出生日期,电话,服务区域,单位或学校,班级,纬度,经度,周一时间,周二时间,周三时间,周四时间,周五时间,"
    "周六时间,周日时间,探访培训起始日,探访培训到期日,人身意外保险编号,人身意外保险起始日,人身意外保险到期日,"
    "健康声明起始日,健康声明到期日,志愿服务协议起始日,志愿服务协议到期日\n"
    f"网格员,何建平,男,1985-04-01,13900000011,柳岸社区,,,28.8810,105.4410,{_DAYS},{_READY.format(n=1)}\n"
    f"在校学生,顾雨桐,女,2004-05-01,13900000012,柳岸社区,示例学院,护理 2 班,28.8811,105.4411,{_AFTERNOONS},"
    f"{_READY.format(n=2)}\n"
)

# 附件3 as the visitor fills it in.
RECORD = {
    "mode": "home",
    "family": "same",
    "family_visits": "yes",
    **dict.fromkeys(("expression", "mobility", "reaction", "illness", "mood", "mind"), "same"),
    **dict.fromkeys(("gas", "heating", "power"), "safe"),
    **dict.fromkeys(("hygiene", "home_hygiene", "indoor"), "same"),
    "care_given": "陪聊半小时，帮忙换了灯泡",
    "satisfaction": "good",
    "elder_signed": "paper",
    "signed": "y",
}
AT_THE_DOOR = {"latitude": "28.8812", "longitude": "105.4412", "accuracy": "20"}


@dataclass
class Town:
    """The people of this journey, each with a browser."""

    coordinator: Person
    newcomer: Callable[[str], Person]
    move_clock: Callable[[datetime], None]


@pytest.fixture
def town(
    committed_app: Flask, committed_db: object, servers: Servers, freeze: Callable[[datetime], None]
) -> Iterator[Town]:
    """A street with one community and its coordinator's account; a worker process whose clock moves along."""
    province = create_area(AreaLevel.PROVINCE, "示例省")
    city = create_area(AreaLevel.CITY, "示例市", province, policy_pack="luzhou")
    county = create_area(AreaLevel.COUNTY, "示例区", city)
    street = create_area(
        AreaLevel.STREET, "滨河街道", county, latitude=28.88, longitude=105.44, emergency_phone="0830-2290000"
    )
    create_area(AreaLevel.COMMUNITY, "柳岸社区", street, latitude=28.881, longitude=105.441)
    factories.make_user(Role.STREET_COORDINATOR, street, username="zhou.min", name="周敏")
    db.session.commit()
    running: list[WorkerProcess] = []

    def move_clock(moment: datetime) -> None:
        freeze(moment)
        while running:
            running.pop().stop()
        settings = servers.settings("tanfang_committed", now=moment)
        worker = WorkerProcess(
            servers.environment(settings), servers.folder / "logs" / f"{moment:%d-%H%M}.log"
        )
        running.append(worker)
        worker.start()
        worker.wait_ready(60)

    move_clock(THURSDAY)
    yield Town(
        Person(committed_app.test_client(), "周敏"),
        lambda name: Person(committed_app.test_client(), name),
        move_clock,
    )
    for worker in running:
        worker.stop()


def test_one_visit(town: Town) -> None:
    zhou = town.coordinator
    sign_in(zhou, "zhou.min", factories.PASSWORD)

    register_the_school(zhou)
    import_elders(zhou)
    import_and_approve_workers(zhou)
    gu = town.newcomer("顾雨桐")
    start_with_once(gu, *open_account_of_worker(zhou, "顾雨桐"))
    han = town.newcomer("韩老师")
    start_with_once(han, *open_account_of_verifier(zhou))

    see_what_is_due(zhou)
    plan_the_month(zhou)
    offer_the_visit_to_zhao(zhou)
    approve_tomorrow_and_print(zhou)

    claim_the_visit(gu)
    approve_the_claim(zhou)

    town.move_clock(FRIDAY.replace(hour=15, minute=0))
    arrive(gu)
    town.move_clock(FRIDAY.replace(hour=15, minute=40))
    leave_with_the_record(gu)
    sign_in(zhou, "zhou.min", factories.PASSWORD)  # a new day: yesterday's session is over
    see_the_obligation_met(zhou)
    confirm_the_record(zhou)

    see_own_hours(gu)
    sign_in(han, "han.laoshi", NEW_PASSWORD)
    school_passes_the_hours(han)
    number, code = certify(zhou)
    anybody_checks(town.newcomer("路人"), number, code)


# --- accounts --------------------------------------------------------------------------------------------


def sign_in(person: Person, username: str, password: str) -> None:
    person.open("/accounts/sign-in").press("登录", username=username, password=password)


def start_with_once(person: Person, username: str, once: str) -> None:
    """The first sign-in with the one-time password leads to a password of one's own."""
    sign_in(person, username, once)
    person.sees("您用的是一次性密码").press("改密码", old=once, password=NEW_PASSWORD, again=NEW_PASSWORD)


def open_account_of_worker(zhou: Person, name: str) -> tuple[str, str]:
    zhou.open("/workforce").follow(name).follow("开通账号").press("开通账号")
    return _shown_once(zhou)


def open_account_of_verifier(zhou: Person) -> tuple[str, str]:
    zhou.open("/accounts/").follow("开通账号")
    zhou.press(
        "开通账号",
        name="韩老师",
        username="han.laoshi",
        role="学校核验员",
        organisation_id=_option(zhou, "organisation_id", "示例学院"),
    )
    return _shown_once(zhou)


def _option(person: Person, field: str, words: str) -> str:
    """The value of the choice that holds these words."""
    choices = person.page.select(f"select[name={field}] option")
    return next(str(one["value"]) for one in choices if words in one.text)


def _shown_once(zhou: Person) -> tuple[str, str]:
    zhou.sees("离开这一页就不再显示")
    once = zhou.page.select_one(".tf-once")
    username = re.search(r"用户名 (\S+)", zhou.text)
    assert once is not None
    assert username is not None
    return username.group(1), once.get_text(strip=True)


# --- elders and workers ----------------------------------------------------------------------------------


def register_the_school(zhou: Person) -> None:
    zhou.open("/accounts/organisations").follow("登记单位")
    zhou.press("保存单位", name="示例学院", kind="学校", school_stage="大学", area_id="滨河街道")
    zhou.sees("示例学院")


def import_elders(zhou: Person) -> None:
    """Three good rows and a bad one; nothing changes before the coordinator says so."""
    zhou.open("/elders").does_not_see("赵桂兰")
    zhou.follow("导入").press("上传并检查", file=a_file(ELDERS, "长者.csv"))
    zhou.wait_for("检查结果").sees("3 行", "1 行不能导入", "赵桂兰")
    zhou.press("只导入能用的 3 行").wait_for("导入结果")
    zhou.open("/elders").sees("赵桂兰", "钱守田", "孙玉珍").does_not_see("坏样本")


def import_and_approve_workers(zhou: Person) -> None:
    zhou.open("/workforce").follow("导入").press("上传并检查", file=a_file(WORKERS, "队伍.csv"))
    zhou.wait_for("检查结果").press("导入这 2 行").wait_for("导入结果")
    for name in ("何建平", "顾雨桐"):
        zhou.open("/workforce").follow("待审核").follow(name).follow("去审核").press("通过").sees(
            f"{name}通过了"
        )


# --- what is due, the plan, the sheet --------------------------------------------------------------------


def see_what_is_due(zhou: Person) -> None:
    """The document of 泸州 says who is owed what: 赵桂兰 is 84 and lives alone, so a visit each half-month."""
    zhou.open("/due").sees("赵桂兰", "钱守田", "孙玉珍", "重点")


def plan_the_month(zhou: Person) -> None:
    """The engine keeps looking for something better; the coordinator has seen enough."""
    zhou.open("/planning/").press("开始计算", seconds="30").wait_for(
        "现在最好的方案：", "批准整月", seconds=120
    )
    if "批准整月" not in zhou.text:
        zhou.press("停下，用现在最好的方案").wait_for("批准整月", seconds=60)
    zhou.sees("草案").does_not_see("没有算成")


def offer_the_visit_to_zhao(zhou: Person) -> None:
    """She is taken off her route of the draft, and put up for volunteers."""
    zhou.open("/planning/day").follow("赵桂兰").press("从路线里拿下")
    zhou.follow("赵桂兰").press("放出去，等人认领", day="2026-03-27", time="15:00").sees(
        "赵桂兰这次已放到可认领"
    )


def approve_tomorrow_and_print(zhou: Person) -> None:
    zhou.open("/planning/day").follow("批准并通知").press("批准并通知").sees("已批准")
    sheet = PdfReader(BytesIO(zhou.fetch("路线单")))
    text = "".join(page.extract_text() for page in sheet.pages)
    assert "探访路线单" in text
    assert "何建平" in text
    assert "赵桂兰" not in text


# --- the claim -------------------------------------------------------------------------------------------


def claim_the_visit(gu: Person) -> None:
    """A neighbourhood, a day and the way: no name and no door."""
    gu.open("/open-visits").sees("柳岸社区").does_not_see("赵桂兰", "滨江路12号")
    gu.press("我来去").sees("等社区审批")


def approve_the_claim(zhou: Person) -> None:
    zhou.open("/approvals").sees("顾雨桐", "赵桂兰").press("同意并通知").sees("已同意")


# --- at the door -----------------------------------------------------------------------------------------


def arrive(gu: Person) -> None:
    gu.open("/today").sees("赵桂兰", "滨江路12号2栋301").press("我到了", **AT_THE_DOOR).sees("签到好了")


def leave_with_the_record(gu: Person) -> None:
    gu.open("/today").follow("写记录")
    gu.press("交记录，我走了", **RECORD, **AT_THE_DOOR).sees("记录交好了")


def see_the_obligation_met(zhou: Person) -> None:
    zhou.open("/due?status=met").sees("赵桂兰")


def confirm_the_record(zhou: Person) -> None:
    zhou.open("/records").follow("赵桂兰").sees("陪聊半小时").press("确认这份记录").sees("已确认")


# --- hours and certificate -------------------------------------------------------------------------------


def see_own_hours(gu: Person) -> None:
    gu.open("/hours/mine").wait_for("小时，1 次", seconds=30)


def school_passes_the_hours(han: Person) -> None:
    """The school sees the student and the day, not whom she visited."""
    han.open("/hours/school").sees("顾雨桐").does_not_see("赵桂兰", "滨江路12号")
    han.follow("顾雨桐").does_not_see("赵桂兰").press("通过").sees("已记下")


def certify(zhou: Person) -> tuple[str, str]:
    zhou.open("/hours/certificates/new")
    person = _option(zhou, "worker_id", "顾雨桐")
    zhou.press("看看能证明多少", worker_id=person, first_day="2026-03-01", last_day="2026-03-27")
    zhou.sees("会写进证明").press("开具这份证明").sees("已开具")
    paper = PdfReader(BytesIO(zhou.fetch("打印证明")))
    text = "".join(page.extract_text() for page in paper.pages).replace(" ", "")
    assert "志愿服务记录证明" in text
    assert "顾雨桐" in text
    number = re.search(r"ZM-[\w-]+", zhou.text)
    code = re.search(r"/hours/check/([\w-]+)", zhou.answer.text)
    assert number is not None
    assert code is not None
    return number.group(0), code.group(1)


def anybody_checks(passer_by: Person, number: str, code: str) -> None:
    passer_by.open(f"/hours/check/{code}").sees("这份证明有效", number)
    passer_by.open("/hours/check/nothing", status=404).sees("没有查到")
