"""The survey list on paper: one line a door, with boxes for the outcome and room for a note."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from coordinator.kernel.i18n import age
from coordinator.kernel.printing import render_pdf
from coordinator.register.models import Survey
from coordinator.register.queries.survey_items import ItemView

VALID_DAYS = 31
# Papers are Chinese in every interface language (coordinator.kernel.printing).
_SEX = {"male": "男", "female": "女", "": ""}
_KINDS = {"elder": "", "record": "别的单位名单里有，档案里没有", "person": "新发现", "home": ""}
_OUTCOMES = {
    "verified": "已核实",
    "not_found": "找不到",
    "moved": "搬走",
    "refused": "不愿意",
    "died": "去世",
    "in_institution": "住进机构",
    "no_elder": "没有老人",
}


def survey_sheet(
    survey: Survey, rows: Sequence[tuple[ItemView, str | None]], printed_by: str, today: date
) -> bytes:
    """The PDF. `rows` are items with the name of who goes. No ID number, no telephone: a list for the door needs
    neither, and paper gets lost."""
    return render_pdf("register/survey_list.typ", sheet_data(survey, rows, printed_by, today), dated=today)


def sheet_data(
    survey: Survey, rows: Sequence[tuple[ItemView, str | None]], printed_by: str, today: date
) -> dict[str, Any]:
    """What stands on it, as printable strings."""
    names = sorted({who for _view, who in rows if who})
    return {
        "title": f"{survey.area.name}摸排清单",
        "area": survey.area.name,
        "kind": "首次摸排" if survey.kind == "first" else "半年更新",
        "who": names[0] if len(names) == 1 else ("" if not names else "、".join(names[:4])),
        "due": _day(survey.due_on) if survey.due_on else "",
        "printed": f"{printed_by}　{_day(today)}",
        "valid": f"到{_day(today + timedelta(days=VALID_DAYS))}，过后销毁",
        "count": len(rows),
        "places": [
            {"name": place or "没有网格", "lines": [_line(view, today) for view in views]}
            for place, views in _by_place(rows)
        ],
    }


def _by_place(rows: Sequence[tuple[ItemView, str | None]]) -> list[tuple[str, list[ItemView]]]:
    found: dict[str, list[ItemView]] = {}
    for view, _who in rows:
        found.setdefault(view.item.place, []).append(view)
    return list(found.items())


def _line(view: ItemView, today: date) -> dict[str, Any]:
    person = [_SEX[view.sex]] if view.sex else []
    if view.birth_date is not None:
        person.append(f"{age(view.birth_date, today)} 岁")
    done = view.item.outcome
    return {
        "name": view.name,
        "person": " ".join(person),
        "address": view.address,
        "remark": _KINDS[view.kind],
        "home": view.kind == "home",
        "done": _OUTCOMES[done] if done is not None else "",
    }


def _day(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"
