"""How long a large list takes to check and to take over, and how much memory.

`make bench-import` (or `python benchmarks/import.py [ROWS]`): an invented street with 20 communities on PostgreSQL
and Valkey of its own in a temporary folder. A list of ROWS elders (20,000); another with 500 damaged rows of twelve
kinds; the first once more, when everybody is registered, with one telephone in ten changed. Each step runs in a
process of its own, as a queue worker would run it; memory is the highest sum of that process and the reading
process beside it.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import select
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import xlsxwriter

from coordinator.config import Settings, embedded_database_url, embedded_redis_url, socket_dir
from coordinator.kernel.identity import check_character
from coordinator.kernel.services import EmbeddedPostgres, EmbeddedQueue

ROOT = Path(__file__).resolve().parent.parent
CENTRE = (28.88, 105.44)
COMMUNITIES = [f"{sign}示例社区" for sign in "柳石江望新南北东西金杏桃松竹梅兰荷菊枫桂"]
SURNAMES = "陈李王张刘周吴郑赵钱孙冯蒋沈韩杨朱秦许何吕施孔曹严华金魏陶姜"
GIVEN = "秀英芳兰珍梅华明国建德文玉淑桂琴荣福贵春生光辉成林志强永安平世昌"
HEADINGS = (
    *(
        "社区",
        "姓名",
        "性别",
        "出生日期",
        "身份证号",
        "联系电话",
        "住址",
        "纬度",
        "经度",
        "对象类型",
        "能力程度",
    ),
    *(
        "残疾等级",
        "残疾证号",
        "残疾证有效期至",
        "经济情况",
        "健康状况",
        "生活自理",
        "是否接受探访",
        "是否同意上门",
    ),
    *("注意事项", "每次探访分钟", "紧急联系人姓名", "紧急联系人关系", "紧急联系人电话", "家庭成员1姓名"),
    *("家庭成员1关系", "家庭成员1出生日期", "备注"),
)
DAMAGES = (
    *("check_digit", "numeric_id", "no_name", "bad_date", "bad_phone", "swapped", "far_away", "unknown_word"),
    *("other_community", "double", "birth_differs", "no_address"),
)


def resident_id(born: date, order: int) -> str:
    """An invented number with a right check digit."""
    first = f"510502{born:%Y%m%d}{order:03d}"
    return first + check_character(first)


def people(rows: int, seed: int) -> Iterator[list[Any]]:
    """Rows of the list in the order of HEADINGS; one home in eight is shared by two."""
    chance = random.Random(seed)
    orders: dict[date, int] = {}
    address, community, place = "", "", CENTRE
    for number in range(rows):
        born = date(1930, 1, 1) + timedelta(days=chance.randrange(365 * 33))
        orders[born] = orders.get(born, 0) + 1
        identity = resident_id(born, 200 * seed + orders[born])
        if number % 8 or not address:
            community = COMMUNITIES[number % len(COMMUNITIES)]
            place = (CENTRE[0] + chance.uniform(-0.03, 0.03), CENTRE[1] + chance.uniform(-0.03, 0.03))
            road = f"示例{'东西南北'[seed % 4]}路"
            address = f"{road}{number // 40 + 1}号{number % 9 + 1}栋{number % 3 + 1}单元{number % 40 + 101}"
        name = chance.choice(SURNAMES) + "".join(chance.choices(GIVEN, k=2))
        certificate = number % 11 == 0
        yield [
            community,
            name,
            "男" if int(identity[16]) % 2 else "女",
            born,
            identity,
            f"139{chance.randrange(10**8):08d}",
            address,
            round(place[0], 6),
            round(place[1], 6),
            chance.choice(("独居", "空巢", "独居、留守", "计划生育特殊家庭", "")),
            chance.choice(("能力完好", "轻度失能", "中度失能", "")),
            "二级" if certificate else "",
            f"{identity}42" if certificate else "",
            date(2030, 12, 31) if certificate else "",
            chance.choice(("无", "低保", "特困人员", "")),
            chance.choice(("良好", "欠佳")),
            chance.choice(("是", "否")),
            "接受",
            "同意" if number % 3 else "",
            "耳背，敲门要久一点" if number % 5 == 0 else "",
            30,
            chance.choice(SURNAMES) + chance.choice(GIVEN),
            chance.choice(("儿子", "女儿", "邻居")),
            f"138{chance.randrange(10**8):08d}",
            chance.choice(SURNAMES) + chance.choice(GIVEN) if number % 4 == 0 else "",
            "长子" if number % 4 == 0 else "",
            date(1970, 5, 1) if number % 4 == 0 else "",
            "",
        ]


def damage(rows: list[list[Any]], count: int) -> dict[str, int]:
    """Break `count` rows spread over the list, in twelve ways by turns; returns how many of each."""
    places = {heading: index for index, heading in enumerate(HEADINGS)}
    done = dict.fromkeys(DAMAGES, 0)
    step = max(len(rows) // count, 1)
    for turn in range(count):
        row = rows[turn * step]
        kind = DAMAGES[turn % len(DAMAGES)]
        number = row[places["身份证号"]]
        if kind == "check_digit":
            row[places["身份证号"]] = number[:17] + ("1" if number[17] != "1" else "2")
        elif kind == "numeric_id":
            row[places["身份证号"]] = float(number[:15] + "000")
        elif kind == "no_name":
            row[places["姓名"]] = ""
        elif kind == "bad_date":
            row[places["出生日期"]] = "1944年2月30日"
        elif kind == "bad_phone":
            row[places["联系电话"]] = "1390000"
        elif kind == "swapped":
            row[places["纬度"]], row[places["经度"]] = row[places["经度"]], row[places["纬度"]]
        elif kind == "far_away":
            row[places["纬度"]] = 39.9
        elif kind == "unknown_word":
            row[places["能力程度"]] = "大概还行"
        elif kind == "other_community":
            row[places["社区"]] = "别处社区"
        elif kind == "double":
            row[places["身份证号"]] = rows[turn * step + 1 if turn * step + 1 < len(rows) else 0][
                places["身份证号"]
            ]
            row[places["出生日期"]] = row[places["性别"]] = ""
        elif kind == "birth_differs":
            row[places["出生日期"]] = date(1929, 1, 1)
        else:
            row[places["住址"]] = ""
        done[kind] += 1
    return done


def workbook(rows: list[list[Any]]) -> bytes:
    """The list as an XLSX file."""
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"constant_memory": True}) as book:
        sheet = book.add_worksheet("名单")
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        sheet.write_row(0, 0, HEADINGS)
        for line, row in enumerate(rows, start=1):
            for column, value in enumerate(row):
                if isinstance(value, date):
                    sheet.write_datetime(line, column, value, day)
                elif value != "":
                    sheet.write(line, column, value)
    return buffer.getvalue()


@contextmanager
def servers() -> Iterator[Settings]:
    """PostgreSQL and Valkey in a temporary folder, synchronising to disk as in production."""
    folder = Path(tempfile.mkdtemp(prefix="tanfang-bench-"))
    sockets = socket_dir(folder)
    postgres = EmbeddedPostgres(folder / "pg", sockets, folder / "logs" / "postgresql.log")
    queue = EmbeddedQueue(folder / "redis", sockets, folder / "logs" / "queue.log")
    try:
        for server in (queue, postgres):
            server.start()
            server.wait_ready()
        postgres.ensure_database("bench")
        yield Settings(
            data_dir=folder,
            database_url=embedded_database_url(folder, "bench"),
            redis_url=embedded_redis_url(folder),
            secret_key="bench-" + "0" * 58,
            field_key=bytes(range(32)),
        )
    finally:
        queue.stop()
        postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(sockets, ignore_errors=True)


def in_own_process(step: Callable[[], Any]) -> tuple[Any, float, float, int]:
    """Result, seconds, processor seconds and peak memory in MB (both with the reading process) of a step in a
    process of its own."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        started = time.perf_counter()
        try:
            result: Any = step()
        except BaseException as problem:  # noqa: BLE001 (told to the parent, which stops)
            result = {"failed": repr(problem)}
        os.write(writing, json.dumps([result, time.perf_counter() - started]).encode())
        os._exit(0)
    os.close(writing)
    peak = 0
    while not select.select([reading], [], [], 0.02)[0]:
        with suppress(psutil.NoSuchProcess):
            worker = psutil.Process(child)
            family = [worker, *worker.children(recursive=True)]
            peak = max(peak, sum(one.memory_full_info().pss for one in family))
    with os.fdopen(reading) as answer:
        result, seconds = json.loads(answer.read())
    _pid, _status, used = os.wait4(child, 0)
    if isinstance(result, dict) and "failed" in result:
        raise SystemExit(result["failed"])
    return result, seconds, used.ru_utime + used.ru_stime, peak // 1_000_000


def timed(what: str, step: Callable[[], Any]) -> Any:
    """The result of a step in a process of its own, with a printed line of what it cost."""
    result, seconds, processor, megabytes = in_own_process(step)
    print(
        f"{what:34}{seconds:8.1f} s  processor {processor:6.1f} s  peak {megabytes:5d} MB  {result}",
        flush=True,
    )
    return result


def asked(about: str | None) -> argparse.Namespace:
    """How many elders, under which rule pack."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--elders", type=int, default=100_000)
    parser.add_argument("--pack", default="luzhou")
    return parser.parse_args()


def prepare(settings: Settings) -> int:
    """The schema, the street and its communities; returns the street's id."""
    import flask_migrate

    from coordinator.app import create_app
    from coordinator.extensions import db
    from coordinator.kernel.areas import AreaLevel, create_area

    with create_app(settings).app_context():
        flask_migrate.upgrade(directory=str(ROOT / "coordinator" / "migrations"))
        province = create_area(AreaLevel.PROVINCE, "示例省")
        city = create_area(AreaLevel.CITY, "示例市", province, policy_pack="luzhou")
        county = create_area(AreaLevel.COUNTY, "示例区", city)
        street = create_area(AreaLevel.STREET, "滨河街道", county, latitude=CENTRE[0], longitude=CENTRE[1])
        for name in COMMUNITIES:
            create_area(AreaLevel.COMMUNITY, name, street, emergency_phone="0830-3000000")
        db.session.commit()
        return street.id


def upload(settings: Settings, street_id: int, name: str, content: bytes) -> int:
    """Upload as the web process does; returns the batch's id."""
    from coordinator.app import create_app
    from coordinator.elders.imports import batches
    from coordinator.elders.imports.elders import ELDERS
    from coordinator.extensions import db
    from coordinator.kernel.access import SYSTEM
    from coordinator.kernel.areas import Area
    from coordinator.kernel.geo import Datum

    with create_app(settings).app_context():
        area = db.session.get_one(Area, street_id)
        batch = batches.upload(ELDERS, SYSTEM, area, name, content, Datum.WGS84)
        db.session.commit()
        return batch.id


def checked(settings: Settings, batch_id: int) -> dict[str, int]:
    """The dry run; returns the counts."""
    from coordinator.app import create_app
    from coordinator.elders.imports import jobs
    from coordinator.elders.models import ImportBatch
    from coordinator.extensions import db

    with create_app(settings).app_context():
        jobs.check_elders(batch_id)
        batch = db.session.get_one(ImportBatch, batch_id)
        return batch.counts if batch.error is None else {"failed": batch.error}


def applied(settings: Settings, batch_id: int) -> dict[str, int]:
    """Taking the usable rows over; returns the counts."""
    from coordinator.app import create_app
    from coordinator.elders.imports import batches, jobs
    from coordinator.elders.imports.elders import ELDERS
    from coordinator.elders.models import ImportBatch
    from coordinator.extensions import db
    from coordinator.kernel.access import SYSTEM

    with create_app(settings).app_context():
        batch = db.session.get_one(ImportBatch, batch_id)
        batches.take_over(ELDERS, SYSTEM, batch, partly=True)
        db.session.commit()
        jobs.apply_elders(batch_id, None)
        batch = db.session.get_one(ImportBatch, batch_id)
        return batch.counts if batch.error is None else {"failed": batch.error}


def main() -> None:
    total = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    bad = min(500, total // 4)
    rows = list(people(total, seed=1))
    broken = list(people(total, seed=2))
    kinds = damage(broken, bad)
    files = {"clean": workbook(rows), "damaged": workbook(broken)}
    print(f"{datetime.now(UTC):%Y-%m-%d}, {total} rows, {os.cpu_count()} cores")
    print(f"{'':16}{'wall':>9}{'processor':>11}  peak (worker and reader)")

    def report(what: str, step: Callable[[], Any]) -> Any:
        result, seconds, processor, megabytes = in_own_process(step)
        print(f"{what:16}{seconds:7.1f} s{processor:7.1f} s{megabytes:6d} MB  {result}", flush=True)
        return result

    with servers() as settings:
        street = in_own_process(lambda: prepare(settings))[0]
        for name, content in files.items():
            note = f" ({bad} damaged rows of {len(kinds)} kinds)" if name == "damaged" else ""
            print(f"{name}{note}: {len(content) / 1e6:.1f} MB")
            batch = report("  upload", lambda: upload(settings, street, f"{name}.xlsx", content))  # noqa: B023
            report("  check", lambda: checked(settings, batch))  # noqa: B023
            report("  take over", lambda: applied(settings, batch))  # noqa: B023
        for row in rows[::10]:
            row[HEADINGS.index("联系电话")] = f"137{random.randrange(10**8):08d}"
        print(f"the clean list again, {len(rows[::10])} telephones changed")
        batch = report("  upload", lambda: upload(settings, street, "again.xlsx", workbook(rows)))
        report("  check", lambda: checked(settings, batch))
        report("  take over", lambda: applied(settings, batch))


if __name__ == "__main__":
    main()
