"""A line of an elders' list, and who is in the register."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import select

from coordinator.elders.models import Elder
from coordinator.extensions import db
from tests import factories
from tests.coordinator.elders.imports.lists import resident_id

BORN = date(1944, 3, 2)
HEAD = ["社区", "姓名", "身份证号", "电话", "住址", "紧急联系人姓名", "紧急联系人关系", "紧急联系人电话"]


def line(order: int = 1, **over: Any) -> list[Any]:
    cells: dict[str, Any] = {
        "社区": "柳荫社区",
        "姓名": f"陈秀{factories.hanzi(order)}",
        "身份证号": resident_id(BORN, order),
        "电话": 13812340000.0 + order,
        "住址": f"示例路{order}号",
        "紧急联系人姓名": "李小明",
        "紧急联系人关系": "儿子",
        "紧急联系人电话": "13800000001",
    } | over
    return list(cells.values())


def elders() -> list[Elder]:
    return list(db.session.scalars(select(Elder).order_by(Elder.id)))
