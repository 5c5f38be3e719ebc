"""The columns of the elders' template that stand once for each contact person and each member of the household."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from coordinator.elders.imports import values as v
from coordinator.elders.imports.columns import Column
from coordinator.elders.imports.kinds import day_column, text_column, yes_no_column

MEMBERS = 2
CONTACTS = 2


def contact_columns(number: int) -> tuple[Column, ...]:
    first = number == 1
    prefix = "紧急联系人" if first else f"紧急联系人{number}"
    old = "紧急联系人" if first else "第二紧急联系人"
    return (
        Column(
            f"contact{number}_name",
            f"{prefix}姓名",
            _l("按先后联系。没有亲友的空着，系统填村（居）委值班电话。") if first else _l("第二位，可不填。"),
            v.name,
            example=("李小明", "") if first else ("王丽", ""),
            synonyms=(old, f"{old}姓名") if first else (old, f"{old}姓名", "紧急联系人二姓名"),
        ),
        text_column(
            f"contact{number}_relation",
            f"{prefix}关系",
            _l("和长者的关系，例如儿子、女儿、邻居。"),
            30,
            example=("儿子", "") if first else ("邻居", ""),
            synonyms=(f"{prefix}与长者关系", f"{prefix}与老人关系", f"{old}关系"),
        ),
        Column(
            f"contact{number}_phone",
            f"{prefix}电话",
            _l("手机，或带区号的座机。"),
            v.phone,
            example=("13800000001", "") if first else ("0830-3123456", ""),
            synonyms=(f"{prefix}联系电话", f"{old}电话", f"{prefix}手机", f"{prefix}联系方式"),
            text=True,
            secret=True,
        ),
    )


def member_columns(number: int) -> tuple[Column, ...]:
    prefix = f"家庭成员{number}"
    return (
        Column(
            f"member{number}_name",
            f"{prefix}姓名",
            _l("和长者同户的人，或不同住的子女。"),
            v.name,
            example=("", ""),
        ),
        text_column(f"member{number}_relation", f"{prefix}关系", _l("和长者的关系，例如老伴、长子。"), 30),
        day_column(
            f"member{number}_birth_date",
            f"{prefix}出生日期",
            _l("满 60 岁的家庭成员影响探访次数。"),
            past=True,
        ),
        yes_no_column(f"member{number}_lives_in", f"{prefix}是否同住", _l("不填算同住。")),
        yes_no_column(
            f"member{number}_in_same_town", f"{prefix}是否在本区县", _l("不同住的子女，是否住在同一区县。")
        ),
    )
