"""Papers as files: what is printed, what is never printed, whether a telephone can read the codes.

All persons, numbers and places are invented.
"""

import dataclasses
import io
import json
import re
import time as clocktime
from datetime import date, time
from decimal import Decimal
from xml.etree import ElementTree

import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pypdf import PdfReader

from coordinator.kernel.identity import Sex
from coordinator.kernel.printing import (
    Certificate,
    CertificateRow,
    MapStop,
    PaperError,
    PrintingError,
    RouteMap,
    RouteSheet,
    RouteStop,
    TeamDay,
    placing,
    print_paper,
    print_pngs,
    render_pdf,
)
from coordinator.kernel.printing.routemap import PLATE_H, PLATE_W, draw

HOSTILE = "李#evil($x$) *b* [1] \\ <a>"
RARE = "䶮㛃𫖯𬙂"


def make_stop(number=1, **over):
    values = {
        "number": number,
        "arrival": time(8 + number // 2, 30 * (number % 2)),
        "name": "王素珍",
        "sex": Sex.FEMALE,
        "age": 82,
        "address": "建设路 41 号 2 单元 301",
        "lat": 28.8718 + 0.0011 * (number % 4),
        "lon": 105.4426 + 0.0017 * (number % 5),
        "minutes": 30,
        "obligation": "重点，半月上门。3月16–31日",
        "contact": "女儿 王小兰",
        "contact_phone": "13800004410",
        "cautions": ("听力弱，敲门久一些。", "家里有狗。"),
        "visit_code": f"K7Q{number:02d}",
        "url": f"https://tanfang.example.cn/v/K7Q{number:02d}",
        "place": "建设路 41 号",
    }
    return RouteStop(**{**values, **over})


def make_sheet(count=5, **over):
    values = {
        "number": "LX-260326-甲-01",
        "plate": "甲",
        "station": "滨河街道社工站",
        "day": date(2026, 3, 26),
        "person": "陈素芬",
        "departure": time(8, 50),
        "departure_place": "社工站",
        "stops": tuple(make_stop(i + 1) for i in range(count)),
        "duty_phone": "0830-000-0000",
        "approved": True,
        "finish": time(15),
        "distance_m": 6210,
        "travel": "骑车。路程和时间按直线距离乘 1.45 估计。",
        "day_url": "https://tanfang.example.cn/my-day/2026-03-26",
        "start": (28.8700, 105.4400),
    }
    return RouteSheet(**{**values, **over})


def make_certificate(rows=3, **over):
    values = {
        "number": "ZM-2026-000123",
        "short_code": "7K3Q-92MX",
        "verify_url": "https://tanfang.example.cn/c/7K3Q92MX",
        "name": "陈素芬",
        "id_type": "居民身份证",
        "id_masked": "510502********0027",
        "volunteer_number": "5105-0000-1842",
        "period_start": date(2026, 1, 1),
        "period_end": date(2026, 3, 26),
        "visits": 4 * rows,
        "hours": Decimal("3.5") * rows,
        "rows": tuple(
            CertificateRow(
                month=f"{2020 + i // 12}年{i % 12 + 1}月",
                days="2日、9日、16日、23日",
                content="上门探访",
                visits=4,
                hours=Decimal("3.50"),
            )
            for i in range(rows)
        ),
        "issuer": "滨河街道社会工作服务站",
        "person_in_charge": "刘建平",
        "handler": "唐小兰",
        "contact": "0830-000-0000",
        "issue_date": date(2026, 3, 28),
        "approved": True,
        "notes": ("服务时间从到门算到离开，不含往返路途。",),
        "verified": "滨河中学 2026年3月27日核验",
    }
    return Certificate(**{**values, **over})


def pages_of(pdf):
    return [page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages]


def plain(text):
    return re.sub(r"\s+", "", text)


def codes_in(png):
    found = zxingcpp.read_barcodes(Image.open(io.BytesIO(png)).convert("L"))
    return {code.text for code in found}


def test_a_sheet_says_everything_the_field_needs():
    text = plain("".join(pages_of(print_paper(make_sheet(1)))))
    for expected in (
        "探访路线单", "甲", "滨河街道社工站", "2026年3月26日周四", "陈素芬", "8:50社工站", "LX-260326-甲-01",
        "只限当天，次日交回销毁", "1户，约6.2公里", "约15:00走完", "8:30", "约30分钟", "实到", "离开", "王素珍",
        "女82岁", "建设路41号2单元301", "重点，半月上门。3月16–31日", "女儿王小兰13800004410", "听力弱", "K7Q01",
        "已见面", "没人在家", "安全都看过", "要跟进", "120", "110", "119", "0830-000-0000", "探访人员签字",
        "交回时间", "收单人", "第1页，共1页", "虚线只表示先后，不是实际道路", "按直线距离乘1.45估计",
    ):  # fmt: skip
        assert expected in text
    assert "预览" not in text


@pytest.mark.parametrize(
    "name", [HOSTILE, RARE, "阿依古丽·买买提", "#import", '"}, "x": {"', "</svg>&amp;", "$"]
)
def test_names_are_printed_literally(name):
    sheet = make_sheet(
        1, stops=(make_stop(name=name, address=name, place=name, cautions=(name,)),), person=name
    )
    text = plain("".join(pages_of(print_paper(sheet))))
    # head, running order, elder, address, caution and the place on the map
    assert text.count(plain(name)) >= 5
    assert plain(name) in plain("".join(pages_of(print_paper(make_certificate(name=name)))))


def test_page_counts_and_rows_never_split():
    expected = {1: 1, 2: 1, 3: 1, 4: 1, 5: 1, 6: 1, 7: 2, 8: 2, 13: 2, 14: 2}
    for stops, count in expected.items():
        pages = [plain(page) for page in pages_of(print_paper(make_sheet(stops)))]
        assert len(pages) == count, stops
        seen = []
        for i, page in enumerate(pages, start=1):
            assert f"第{i}页，共{count}页" in page
            assert "LX-260326-甲-01" in page
            assert "长者、地址、联系人" in page
            codes = re.findall(r"K7Q\d\d", page)
            assert codes
            assert len(codes) == page.count("已见面") == page.count("要跟进") == page.count("离开")
            seen += codes
        assert seen == [f"K7Q{i + 1:02d}" for i in range(stops)]
        assert ["收单人" in page for page in pages] == [False] * (count - 1) + [True]


def test_long_texts_only_make_more_pages():
    long = {
        "address": "滨河大道花园小区" * 12,
        "cautions": ("楼道很暗，带手电，慢慢走。" * 8,),
        "contact": "侄女" * 20,
    }
    pages = pages_of(print_paper(make_sheet(stops=tuple(make_stop(i + 1, **long) for i in range(14)))))
    assert len(pages) >= 3
    for page in map(plain, pages):
        assert len(re.findall(r"K7Q\d\d", page)) == page.count("要跟进") > 0


def test_a_telephone_reads_the_day_and_every_visit():
    sheet = make_sheet(14)
    found = set()
    for page in print_pngs(sheet, ppi=200):
        found |= codes_in(page)
    assert found == {sheet.day_url} | {stop.url for stop in sheet.stops}


def test_without_addresses_there_are_no_codes():
    sheet = make_sheet(day_url="", stops=(make_stop(url="", visit_code=""),))
    assert codes_in(print_pngs(sheet, ppi=200)[0]) == set()


def test_a_preview_is_marked_and_useless_at_the_door():
    for paper in (make_sheet(8, approved=False), make_certificate(40, approved=False)):
        for page, png in zip(pages_of(print_paper(paper)), print_pngs(paper, ppi=150), strict=True):
            assert "预览，未批准" in plain(page)
            assert paper.number not in page
            assert codes_in(png) == set()


def test_a_team_day_holds_each_sheet_with_its_own_pages():
    sheets = tuple(
        make_sheet(n, plate=p, number=f"LX-260326-{p}-01") for n, p in ((3, "甲"), (9, "乙"), (1, "丙"))
    )
    pages = [
        plain(page)
        for page in pages_of(print_paper(TeamDay(station="滨河街道社工站", day=sheets[0].day, sheets=sheets)))
    ]
    assert [re.findall(r"第\d页，共\d页", page) for page in pages] == [
        ["第1页，共1页"], ["第1页，共1页"], ["第1页，共2页"], ["第2页，共2页"], ["第1页，共1页"]
    ]  # fmt: skip
    assert "路线单收发表" in pages[0]
    assert "13户" in pages[0]
    assert "王素珍" not in pages[0]
    assert all(sheet.number in pages[0] for sheet in sheets)
    assert ["甲-01" in page for page in pages[1:]] == [True, False, False, False]
    # the running head stands on the second page of a sheet only
    assert [page.count("单号LX-") for page in pages[1:]] == [1, 1, 1, 1]
    without = TeamDay(station="滨河街道社工站", day=sheets[0].day, sheets=sheets, cover=False)
    assert len(pages_of(print_paper(without))) == 4


def test_thirty_sheets_take_less_than_two_seconds():
    print_paper(make_sheet(1))  # fonts are read once per process
    # other data each time: the typesetter remembers what it has set before
    assert min(_seconds_for_thirty(run) for run in "甲乙丙") < 2.0


def _seconds_for_thirty(run):
    day = date(2026, 3, 26)
    sheets = []
    for i in range(30):
        stops = tuple(
            make_stop(
                n, name=f"{run}{i}号长者", url=f"https://tanfang.example.cn/v/{ord(run)}{i}{n}", age=70 + n
            )
            for n in range(1, 7)
        )
        sheets.append(
            make_sheet(stops=stops, plate=run, number=f"LX-260326-{run}-{i:02d}", person=f"人员{i}")
        )
    begun = clocktime.perf_counter()
    pdf = print_paper(TeamDay(station="滨河街道社工站", day=day, sheets=tuple(sheets), cover=False))
    seconds = clocktime.perf_counter() - begun
    assert len(PdfReader(io.BytesIO(pdf)).pages) == 30
    return seconds


def test_the_same_data_give_the_same_bytes():
    for paper in (make_sheet(4), make_certificate(3)):
        assert print_paper(paper) == print_paper(paper)


def test_files_are_archivable_tagged_and_in_chinese():
    for paper, title in (
        (make_sheet(3), "探访路线单 LX-260326-甲-01"),
        (make_certificate(), "志愿服务记录证明"),
    ):
        reader = PdfReader(io.BytesIO(print_paper(paper)))
        catalogue = reader.trailer["/Root"]
        assert catalogue["/MarkInfo"]["/Marked"]
        assert catalogue["/Lang"] == "zh-CN"
        assert "/StructTreeRoot" in catalogue
        xmp = catalogue["/Metadata"].get_data().decode()
        assert re.search(r"pdfaid:part>2<.*pdfaid:conformance>A<", xmp, re.S)
        assert title in reader.metadata.title
        fonts = {font["/BaseFont"] for page in reader.pages for font in page["/Resources"]["/Font"].values()}
        assert all(re.match(r"/[A-Z]{6}\+Noto|/[A-Z]{6}\+SourceHan", font) for font in fonts)


ID_NUMBER = "510502194403150027"


@pytest.mark.parametrize("field", ["name", "address", "obligation", "contact", "place"])
def test_id_numbers_are_refused(field):
    with pytest.raises(PaperError):
        make_stop(**{field: f"身份证{ID_NUMBER}。"})


def test_id_numbers_are_refused_in_lists_and_on_certificates():
    with pytest.raises(PaperError):
        make_stop(cautions=("慢", f"证 {ID_NUMBER[:17]}x"))
    with pytest.raises(PaperError):
        make_sheet(companions=(ID_NUMBER,))
    with pytest.raises(PaperError):
        make_certificate(notes=(ID_NUMBER,))
    with pytest.raises(PaperError):
        make_certificate(id_masked=ID_NUMBER)


def test_no_paper_holds_an_id_number():
    for paper in (make_sheet(14), make_certificate(60)):
        text = "".join(pages_of(print_paper(paper)))
        assert not re.search(r"\d{17}[\dXx]", text)


def test_the_least_personal_data():
    fields = {field.name for field in dataclasses.fields(RouteStop)}
    forbidden = ("id_number", "category", "economic", "diagnosis", "disability", "ability", "health", "birth")
    assert not [name for name in fields if any(word in name for word in forbidden)]


def test_a_certificate_has_its_four_blocks():
    text = plain("".join(pages_of(print_paper(make_certificate(3)))))
    for expected in (
        "志愿服务记录证明", "编号ZM-2026-000123", "陈素芬", "居民身份证", "510502********0027", "5105-0000-1842",
        "于2026年1月1日至2026年3月26日", "12次", "10.5小时", "2020年1月", "2日、9日、16日、23日", "上门探访",
        "滨河街道社会工作服务站", "刘建平", "唐小兰", "0830-000-0000", "2026年3月28日", "单位公章", "负责人签字",
        "经办人签字", "7K3Q-92MX", "https://tanfang.example.cn/c/7K3Q92MX", "不含往返路途", "滨河中学",
        "第1页，共1页",
    ):  # fmt: skip
        assert expected in text
    assert "，服务时间共" in "".join(pages_of(print_paper(make_certificate(3))))


def test_a_long_certificate_repeats_its_heads():
    certificate = make_certificate(60)
    pages = [plain(page) for page in pages_of(print_paper(certificate))]
    assert len(pages) == 3
    rows = [page.count("上门探访") for page in pages]
    assert sum(rows) == 60
    for i, page in enumerate(pages, start=1):
        assert f"第{i}页，共3页" in page
        assert "ZM-2026-000123" in page
    # under the section's own heading once, then once per page that holds rows
    assert [page.count("月份") for page in pages] == [1 if n else 0 for n in rows]
    assert "合计" in "".join(pages)
    assert codes_in(print_pngs(certificate, ppi=150)[-1]) == {certificate.verify_url}


def test_a_certificate_adds_up_or_is_refused():
    with pytest.raises(PaperError):
        make_certificate(hours=Decimal("99"))
    with pytest.raises(PaperError):
        make_certificate(visits=99)
    with pytest.raises(PaperError):
        make_certificate(0)


def test_a_sheet_has_one_to_fourteen_stops():
    for stops in (0, 15):
        with pytest.raises(PaperError):
            make_sheet(stops)
    sheet = make_sheet(1)
    with pytest.raises(PaperError):
        TeamDay(station="站", day=date(2026, 3, 27), sheets=(sheet,))
    with pytest.raises(PaperError):
        TeamDay(station="站", day=sheet.day, sheets=())


def test_data_are_json():
    for paper in (make_sheet(2), make_certificate(2)):
        assert json.loads(json.dumps(paper.to_json(), allow_nan=False)) == paper.to_json()


@pytest.mark.parametrize("template", ["../pyproject.toml", "planning/none.typ", "/etc/passwd", "layouts"])
def test_only_templates_of_ours_are_compiled(template):
    with pytest.raises(PrintingError):
        render_pdf(template, {})


def test_a_faulty_template_call_names_the_template_and_no_data():
    with pytest.raises(PrintingError) as caught:
        render_pdf("planning/route_sheet.typ", {"title": "王素珍"})
    assert "route_sheet" in str(caught.value)
    assert "王素珍" not in str(caught.value)


# --- the map -------------------------------------------------------------------------------------------------

SVG = "{http://www.w3.org/2000/svg}"
near = st.tuples(st.floats(28.86, 28.88), st.floats(105.43, 105.46))


@settings(deadline=None, max_examples=60)
@given(st.lists(near, min_size=1, max_size=14), st.none() | near)
def test_plates_never_cover_each_other_or_leave_the_frame(places, start):
    stops = tuple(MapStop(str(i + 1), *place, "建设路 <41> & 号") for i, place in enumerate(places))
    drawing = ElementTree.fromstring(draw(RouteMap(stops=stops, start=start, start_label="站"), 139, 62))  # noqa: S314
    centres = []
    for group in drawing.iter(f"{SVG}g"):
        found = re.match(r"translate\((\S+) (\S+)\)", group.get("transform", ""))
        if found and group.find(f"{SVG}rect") is not None:
            centres.append((float(found[1]), float(found[2])))
    assert len(centres) == len(places)
    for i, (x, y) in enumerate(centres):
        assert PLATE_W / 2 < x < 139 - PLATE_W / 2
        assert PLATE_H / 2 < y < 62 - PLATE_H / 2
        for other in centres[i + 1 :]:
            assert abs(x - other[0]) >= PLATE_W - 0.1 or abs(y - other[1]) >= PLATE_H - 0.1


def streets(name="滨河路 <&>"):
    line = [[105.43 + 0.001 * i, 28.8715] for i in range(30)]
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "properties": {"name": name, "highway": "primary"},
                "geometry": {"type": "LineString", "coordinates": line},
            },
            {
                "type": "Feature",
                "properties": {},
                "geometry": {"type": "MultiLineString", "coordinates": [line, line[:1], []]},
            },
            {
                "type": "Feature",
                "properties": None,
                "geometry": {"type": "Point", "coordinates": [105.44, 28.87]},
            },
            {"type": "Feature", "properties": {"name": "远"}, "geometry": None},
        ],
    }


def test_streets_and_roads_replace_the_schematic():
    stops = (MapStop("1", 28.8705, 105.4400), MapStop("2", 28.8738, 105.4480))
    legs = (((28.8705, 105.4400), (28.8722, 105.4400), (28.8722, 105.4480), (28.8738, 105.4480)),)
    plain_map = draw(RouteMap(stops=stops), 139, 62)
    street_map = draw(RouteMap(stops=stops, streets=streets(), legs=legs, attribution="© 测绘"), 139, 62)
    assert "stroke-dasharray" in plain_map
    assert "虚线只表示先后" in plain_map
    assert "stroke-dasharray" not in street_map
    assert "虚线" not in street_map
    texts = {element.text for element in ElementTree.fromstring(street_map).iter(f"{SVG}text")}  # noqa: S314
    assert {"滨河路 <&>", "© 测绘", "北", "1", "2"} <= texts
    text = plain(
        "".join(pages_of(print_paper(make_sheet(2, streets=streets(HOSTILE), attribution="© 测绘"))))
    )
    assert plain(HOSTILE) in text


def test_the_scale_bar_is_true():
    # two stops 1,000 m apart on one parallel
    stops = (MapStop("1", 0.0, 100.0), MapStop("2", 0.0, 100.0 + 1000 / 111195.08))
    drawing = ElementTree.fromstring(draw(RouteMap(stops=stops), 139, 62))  # noqa: S314
    xs = sorted(
        float(re.match(r"translate\((\S+) ", g.get("transform"))[1])
        for g in drawing.iter(f"{SVG}g")
        if g.find(f"{SVG}rect") is not None
    )
    label = next(t.text for t in drawing.iter(f"{SVG}text") if t.text.endswith("米"))
    bar = next(p.get("d") for p in drawing.iter(f"{SVG}path") if p.get("stroke-width") == ".4")
    points = [float(x) for x in re.findall(r"[ML](\S+) ", bar)]
    length = max(points) - min(points)
    assert length / float(label.split()[0]) == pytest.approx((xs[-1] - xs[0]) / 1000, rel=1e-3)


def test_a_far_start_does_not_shrink_the_stops():
    stops = (MapStop("1", 28.8705, 105.4400), MapStop("2", 28.8738, 105.4480))
    far = draw(RouteMap(stops=stops, start=(29.2, 105.9), start_label="社工站"), 139, 62)
    assert "社工站在此方向，直线" in far
    without = draw(RouteMap(stops=stops), 139, 62)
    plates = [re.findall(r"translate\(\S+ \S+\)\"><rect", text) for text in (far, without)]
    assert plates[0] == plates[1]


def test_a_map_needs_a_stop():
    with pytest.raises(ValueError):
        draw(RouteMap(stops=()), 139, 62)


def test_crossings():
    square = placing.box(5, 5, 2, 2)
    assert placing.crossings(square, [[(0, 5), (10, 5)]]) == 1
    assert placing.crossings(square, [[(5, 0), (5, 10)], [(0, 0), (10, 0)]]) == 1
    assert placing.crossings(square, [[(0, 0), (3, 3)]]) == 0
    assert placing.crossings(square, [[(4, 0), (10, 3.5)]]) == 0
