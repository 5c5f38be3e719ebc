"""A small application that shows every layout and macro with invented data: for tests and for looking at them.

`python -m tests.coordinator.look.gallery PORT [STATIC_FOLDER]` serves it; pages are listed in `PAGES`.
"""

import re
import secrets
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from flask import Flask, abort, flash, g, redirect, render_template, request, url_for
from flask_babel import Babel
from flask_wtf import FlaskForm
from flask_wtf.csrf import CSRFProtect
from flask_wtf.file import FileField
from jinja2 import ChoiceLoader, FileSystemLoader, StrictUndefined, Undefined
from sqlalchemy import Column as SaColumn
from sqlalchemy import Integer, MetaData, String, Table, create_engine, insert, select
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool
from werkzeug.wrappers import Response
from wtforms import (
    BooleanField,
    DateField,
    IntegerField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.validators import InputRequired, Length, Optional

from coordinator.kernel.listing import Column, Filter, Listing, ListingSpec

ROOT = Path(__file__).resolve().parents[3]
PAGES = ("components", "list", "form", "plan", "phone", "visit", "signin", "sheet", "error")

metadata = MetaData()
elders = Table(
    "elders",
    metadata,
    SaColumn("id", Integer, primary_key=True),
    SaColumn("name", String),
    SaColumn("sex", String),
    SaColumn("age", Integer),
    SaColumn("kind", String),
    SaColumn("community", String),
    SaColumn("address", String),
    SaColumn("contact", String),
    SaColumn("status", String),
    SaColumn("days", Integer),
    SaColumn("minutes", Integer),
)
COMMUNITIES = ("江湾社区", "柳岸社区", "望江社区", "石桥社区")
STATUSES = ("overdue", "blocked", "soon", "soon", "owed", "met", "waived")
NAMES = [
    "王素珍",
    "刘德明",
    "张桂兰",
    "罗正华",
    "邓碧芳",
    "曾庆云",
    "何秀英",
    "谢光荣",
    "杨代芬",
    "冉启明",
    "蒲秀芝",
    "税长林",
]


def engine_with_rows() -> Any:
    """A database in memory with 204 invented rows."""
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    metadata.create_all(engine)
    rows = [
        {
            "id": i + 1,
            "name": NAMES[i % len(NAMES)],
            "sex": "女" if i % 2 else "男",
            "age": 66 + i % 30,
            "kind": "重点" if i % 3 else "一般",
            "community": COMMUNITIES[i % 4],
            "address": f"建设路 {i + 1} 号 {i % 3 + 1} 单元",
            "contact": "陈素芬" if i % 5 else None,
            "status": STATUSES[i % 7],
            "days": i % 14,
            "minutes": 35,
        }
        for i in range(204)
    ]
    with engine.begin() as connection:
        connection.execute(insert(elders), rows)
    return engine


SPEC = ListingSpec(
    columns=(
        Column("status", "状态", sort=elders.c.status),
        Column("name", "长者、联系人", sort=elders.c.name),
        Column("kind", "对象", sort=(elders.c.kind, elders.c.age)),
        Column("address", "住址", sort=elders.c.address, width=30),
        Column("days", "剩余天数", sort=elders.c.days, numeric=True),
        Column("contact", "上次联系", sort=elders.c.contact),
    ),
    tie=elders.c.id,
    filters=(
        Filter(
            "status",
            "状态",
            lambda s, v: s.where(elders.c.status == v),
            choices=[(s, s) for s in STATUSES],
            shown=False,
        ),
        Filter(
            "community",
            "社区",
            lambda s, v: s.where(elders.c.community == v),
            choices=[(c, c) for c in COMMUNITIES],
            all_label="全部社区",
        ),
        Filter(
            "kind",
            "对象",
            lambda s, v: s.where(elders.c.kind == v),
            choices=[("重点", "重点对象"), ("一般", "一般对象")],
            all_label="重点和一般对象",
        ),
    ),
    default_sort="days",
    search=lambda s, q: s.where(elders.c.name.icontains(q, autoescape=True)),
    per_page=20,
)


class ElderForm(FlaskForm):
    """One field of each kind."""

    name = StringField("姓名", [InputRequired("请写上姓名。")])
    id_number = StringField(
        "证件号码",
        [Length(18, 18, message="最后一位和前面对不上，请对照证件再看一遍。")],
        description="18 位，末位可以是 X",
    )
    born = DateField("出生日期", [Optional()])
    minutes = IntegerField("每次约多久", [Optional()])
    community = SelectField("社区", choices=list(COMMUNITIES))
    gas = RadioField(
        "燃气安全",
        [InputRequired("请选一项。上次的答案不会自动填上。")],
        choices={"1": "安全", "2": "较安全", "3": "不安全"},
        description="上次（2月26日）：较安全",
    )
    sex = RadioField("性别", [InputRequired()], choices={"f": "女", "m": "男"}, default="f")
    needs = SelectMultipleField(
        "需要帮助的地方", choices={"a": "买菜做饭", "b": "看病取药", "c": "打扫", "d": "聊天"}
    )
    note = TextAreaField("要留意", [Optional()], description="敲门要久一些、家里有狗之类")
    consent = BooleanField("本人同意接受探访")
    file = FileField("名册", [InputRequired("请选一个文件。")], description="xlsx 或 csv，最大 20 MB")


def _item(icon: str, label: str, badge: int = 0, hot: bool = False, current: bool = False) -> dict[str, Any]:
    return {
        "href": "#",
        "endpoint": "x",
        "icon": icon,
        "label": label,
        "badge": badge,
        "hot": hot,
        "current": current,
    }


DESK = [
    [
        _item("home", "工作台"),
        _item("list", "应访清单", 14, hot=True, current=True),
        _item("cal", "月计划"),
        _item("route", "日计划"),
        _item("inbox", "审批", 20),
    ],
    [_item("elder", "长者档案"), _item("team", "队伍"), _item("bell", "预警与转介", 2, hot=True)],
    [_item("clock", "时数"), _item("chart", "统计与上报"), _item("book", "规则与依据")],
]
PHONE = [
    [
        _item("home", "今天", current=True),
        _item("list", "可认领", 3),
        _item("clock", "时数"),
        _item("user", "我的"),
    ]
]


def day_map() -> dict[str, Any]:
    """Two routes, one unassigned visit and the start, on a few invented streets."""

    def point(lon: float, lat: float, **properties: Any) -> dict[str, Any]:
        return {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [lon, lat]},
            "properties": properties,
        }

    def line(points: list[list[float]], **properties: Any) -> dict[str, Any]:
        return {
            "type": "Feature",
            "geometry": {"type": "LineString", "coordinates": points},
            "properties": properties,
        }

    a = [[105.440, 28.880], [105.442, 28.880], [105.442, 28.883], [105.445, 28.884], [105.449, 28.885]]
    b = [[105.440, 28.880], [105.437, 28.878], [105.433, 28.879], [105.431, 28.883]]
    roads = [
        line([[105.425, 28.876 + i * 0.003], [105.455, 28.877 + i * 0.003]], kind="road") for i in range(4)
    ]
    return {
        "type": "FeatureCollection",
        "features": [
            *roads,
            line(a, kind="route", route=0),
            line(b, kind="route", route=1),
            point(105.440, 28.880, kind="start", title="街道社工站"),
            *[
                point(*p, kind="stop", route=0, label=f"甲{i}", id=f"a{i}", title=f"甲{i} 王素珍")
                for i, p in enumerate(a[1:], 1)
            ],
            *[
                point(*p, kind="stop", route=1, label=f"乙{i}", id=f"b{i}", done=i == 1)
                for i, p in enumerate(b[1:], 1)
            ],
            point(105.4465, 28.8795, kind="unassigned", label="1", id="u1", title="没排上：刘德明"),
            point(105.4345, 28.8862, kind="open", label="+6 分", id="o1"),
        ],
    }


def create_gallery(static_folder: str | None = None, strict: bool = False) -> Flask:
    """The gallery application. `strict` makes an undefined name in a template an error."""
    app = Flask(__name__, static_folder=static_folder or str(ROOT / "static"), static_url_path="/static")
    app.config.update(SECRET_KEY=secrets.token_hex(), BABEL_DEFAULT_LOCALE="zh_Hans_CN")
    own = FileSystemLoader(str(Path(__file__).parent / "pages"))
    app.jinja_env.loader = ChoiceLoader([own, FileSystemLoader(str(ROOT / "templates"))])
    app.jinja_env.undefined = StrictUndefined if strict else Undefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    Babel(app)
    CSRFProtect(app)
    engine = engine_with_rows()

    @app.context_processor
    def shell() -> dict[str, Any]:
        page = (request.view_args or {}).get("page", "")
        worker = page in ("phone", "visit")
        mode = request.args.get("mode", "")
        ui = SimpleNamespace(
            role_kind="worker" if worker else "desk",
            elder_mode=bool(mode),
            elder_size=int(mode or 20),
            lang="zh-CN",
            nav=PHONE if worker else DESK,
            phone_nav=PHONE[0],
            home_href="/components",
            area_name="滨河街道",
            area_choices=[
                {"href": "#", "label": "滨河街道", "current": True},
                {"href": "#", "label": "江湾社区", "current": False},
            ],
            search_href="/list",
            search_value="",
            messages_href="/components",
            unread=3,
            user={"name": "周敏", "role_label": "街道协调员"},
            account_items=[
                {"href": "#", "icon": "user", "label": "我的账号"},
                {"href": "#", "icon": "key", "label": "改密码"},
            ],
            sign_out_href="/sign-out",
        )
        return {"ui": ui, "csp_nonce": lambda: g.nonce}

    @app.before_request
    def nonce() -> None:
        g.nonce = secrets.token_urlsafe(16)

    @app.after_request
    def policy(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = (
            f"default-src 'none'; script-src 'nonce-{g.nonce}'; style-src 'self'; img-src 'self' data:; "
            "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )
        return response

    @app.get("/<page>")
    def show(page: str) -> str:
        if page not in PAGES:
            abort(404)
        context: dict[str, Any] = {}
        if page == "components":
            sprite = (ROOT / "static/img/icons.svg").read_text(encoding="utf-8")
            context = {"icons": re.findall(r'id="i-([a-z]+)"', sprite)}
        elif page == "visit":
            context = {"enumerate_answers": list(enumerate(("安全", "较安全", "不安全")))}
        elif page == "list":
            listing = Listing.read(SPEC, request.args, request.path)
            with Session(engine) as session:
                context = {"page": listing.fetch(session, select(elders), scalars=False), "listing": listing}
        elif page == "form":
            form = ElderForm(meta={"csrf": False}, data={"id_number": "51050219440302001", "sex": "f"})
            if "bad" in request.args:
                form.process(data={"id_number": "51050219440302001"})
                form.validate()
            context = {"form": form}
        elif page == "plan":
            crs = request.args.get("crs", "")
            tiles = {"url": "/tile/{z}/{x}/{y}", "crs": crs, "attribution": "测试"} if crs else None
            context = {"geojson": day_map(), "tiles": tiles}
        elif page == "error":
            return render_template(
                "errors/page.html",
                error={
                    "status": 500,
                    "title": "系统出了点问题",
                    "text": "已经记下来了。请稍后再试；如果急用，请把下面的编号告诉管理员。",
                    "reference": "7F3A-20",
                },
            )
        if "flash" in request.args:
            flash("已批准，6 人会在 1 分钟内收到。", "ok")
            flash("这次刚被别人认领了。附近还有 3 次您能去。", "info")
        return render_template(f"gallery_{page}.html", **context)

    @app.get("/panel/<int:number>")
    def panel(number: int) -> str:
        return render_template("gallery_panel.html", number=number)

    @app.post("/reveal")
    def reveal() -> str:
        return render_template("gallery_reveal.html", seconds=int(request.args.get("seconds", "30")))

    @app.get("/broken")
    def broken() -> Response:
        page = render_template(
            "errors/partial.html",
            error={"title": "刚才没有做成", "text": "请再试一次。", "reference": "7F3A"},
        )
        return Response(
            page, 503, {"HX-Retarget": "#messages", "HX-Reswap": "innerHTML"}, mimetype="text/html"
        )

    @app.get("/tile/<int:zoom>/<int:x>/<int:y>")
    def tile(zoom: int, x: int, y: int) -> Response:
        frame = "<rect width='256' height='256' fill='none' stroke='#999'/>"
        text = f"<text x='20' y='128'>{zoom}/{x}/{y}</text>"
        svg = f"<svg xmlns='http://www.w3.org/2000/svg' width='256' height='256'>{frame}{text}</svg>"
        return Response(svg, mimetype="image/svg+xml")

    @app.get("/progress")
    def progress() -> str:
        return render_template("gallery_progress.html")

    @app.post("/sign-out")
    def sign_out() -> Response:
        return redirect("/signin")

    def set_display() -> Response:
        to = request.form.get("next") or "/components"
        size = request.form.get("size") or "20"
        path = to.split("?")[0]
        return redirect(f"{path}?mode={size}" if request.form.get("mode") == "elder" else path)

    app.add_url_rule("/display", "home.set_display", set_display, methods=["POST"])
    app.errorhandler(404)(
        lambda _error: (
            render_template(
                "errors/page.html", error={"status": 404, "action_href": url_for("show", page="components")}
            ),
            404,
        )
    )
    return app


if __name__ == "__main__":
    create_gallery(sys.argv[2] if len(sys.argv) > 2 else None).run(port=int(sys.argv[1]))
