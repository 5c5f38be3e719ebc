"""A dossier on the form of its document (泸州 附件2, 陕西 附件), or plain where the document gives no form.

Which lines a form has, their words and options, the copies and who keeps them are the rule pack's; this module
knows only which value belongs to which key. A key it does not know stays empty for the pen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar

from flask_babel import force_locale

from coordinator import policy
from coordinator.elders.printing.values import Values, values_of
from coordinator.elders.queries import Dossier
from coordinator.policy.schema import Form, FormField, FormSection

Cell = dict[str, Any]
# Fields that take a whole line: what is written there is long.
_WIDE = frozenset({"long_text", "multi"})
_WIDE_KEYS = frozenset({"address", "at_registered_place", "mode", "categories", "allowances", "pension"})
# Fields that the form prints with a blank in front: 第__次开展探访.
_COUNTED = frozenset({"visit_number", "care_number"})
_MANY_OPTIONS = 3
# Widths of the household table's columns, as parts of the line.
_PARTS = {"member_name": 1.5, "member_sex": 0.8, "member_id_number": 3.4, "member_health": 1.6}


@dataclass(frozen=True, slots=True, kw_only=True)
class FormSheet:
    """One copy of a filled form. `keeper` keeps this copy; `footer` is the form's own footnote."""

    template: ClassVar[str] = "elders/form.typ"

    title: str
    annex: str
    number: str
    sections: tuple[dict[str, Any], ...]
    footer: str
    notes: tuple[str, ...]
    printed: str
    keeper: str
    dated: date
    copies: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The template's data; `copies` in one file, each with its keeper."""
        return {
            "title": self.title,
            "annex": self.annex,
            "number": self.number,
            "sections": list(self.sections),
            "footer": self.footer,
            "notes": list(self.notes),
            "printed": self.printed,
            "copies": list(self.copies or (self.keeper,)),
        }


def registration_form(pack: policy.Pack | None) -> Form | None:
    """The form on which the pack's document registers an elder: its registration form, else the combined one."""
    forms = {one.kind: one for one in reversed(pack.forms)} if pack else {}
    return forms.get("registration") or forms.get("combined")


def form_sheets(
    dossier: Dossier, form: Form, *, in_full: bool, may_read: bool, printed: str, on: date
) -> FormSheet:
    """The dossier on a form of its document, all copies in one file.

    ID numbers and telephones are masked unless `in_full`; health and family matters stay empty unless `may_read`.
    """
    with force_locale("zh"):
        values = values_of(dossier, in_full=in_full, may_read=may_read)
        if any(one.key == "pension" for section in form.sections for one in section.fields_):
            # The pension has a line of its own.
            values.text["allowances"] = dossier.elder.household.subsidies or ""
        notes = [form.note] if form.note and values.needs_note else []
        if not in_full:
            notes.append("证件号和电话只显示一部分。")
        return FormSheet(
            title=form.title,
            annex=f"{dossier.pack.document.short_title} {form.annex}" if dossier.pack else form.annex,
            number=str(dossier.elder.id),
            sections=tuple(_section(one, values) for one in form.sections),
            footer=f"备注：{form.quote}",
            notes=tuple(notes),
            printed=printed,
            keeper=form.keepers[0],
            dated=on,
            copies=form.keepers,
        )


def plain_sheet(dossier: Dossier, *, in_full: bool, may_read: bool, printed: str, on: date) -> FormSheet:
    """The dossier where no form is at hand, with a line that says so and names the form the document speaks of."""
    with force_locale("zh"):
        values = values_of(dossier, in_full=in_full, may_read=may_read)
        notes = [] if in_full else ["证件号和电话只显示一部分。"]
        pack = dossier.pack
        named = [one for one in pack.named_forms if one.id != "statistics"] if pack else []
        if registration_form(pack) is not None:
            notes.append("这里按档案的内容打印，不是登记表。")
        elif pack is not None and named:
            notes.append(
                f"{pack.document.short_title}提到《{named[0].title}》，没有附表样；这里按档案的内容打印，不是那张表。"
            )
        elif pack is not None:
            notes.append(f"{pack.document.short_title}没有登记表；这里按档案的内容打印。")
        return FormSheet(
            title="特殊困难老年人档案",
            annex="",
            number=str(dossier.elder.id),
            sections=tuple(_section(one, values) for one in _PLAIN),
            footer="",
            notes=tuple(notes),
            printed=printed,
            keeper="",
            dated=on,
        )


def _section(section: FormSection, values: Values) -> dict[str, Any]:
    if section.rows:
        return {"title": section.title or "", "table": _table(section, values)}
    lines: list[list[Cell]] = []
    half: Cell | None = None
    for one in section.fields_:
        cell = _cell(one, values)
        if _is_wide(one):
            if half is not None:
                lines.append([half])
                half = None
            lines.append([cell])
        elif half is None:
            half = cell
        else:
            lines.append([half, cell])
            half = None
    if half is not None:
        lines.append([half])
    return {"title": section.title or "", "lines": lines}


def _is_wide(one: FormField) -> bool:
    return one.type in _WIDE or one.key in _WIDE_KEYS or len(one.options) > _MANY_OPTIONS


def _cell(one: FormField, values: Values) -> Cell:
    """`options` [(label, ticked, what is written behind it)], or `text`; `pen` leaves room to write."""
    text = values.text.get(one.key, "")
    if one.options:
        chosen = values.chosen.get(one.key, frozenset())
        behind = values.behind.get(one.key, {})
        return {
            "label": one.label,
            "options": [
                {"label": label, "on": label in chosen, "behind": behind.get(label, "")}
                for label in one.options
            ],
            "text": text,
        }
    pen = one.key not in values.text and one.type in ("long_text", "signature")
    if one.key not in values.text and one.type == "date":
        text = "　　　年　　月　　日"
    label = f"第＿＿{one.label}" if one.key in _COUNTED else one.label
    return {"label": label, "text": text, "pen": pen}


def _table(section: FormSection, values: Values) -> dict[str, Any]:
    keys = [one.key for one in section.fields_]
    members = values.members
    if members and members[0]["member_relation"] != "户主":
        # The form's first line is the householder's; whoever it is has not been entered.
        members = [{}, *members]
    rows = [
        [str(number) if number > 1 else "户主", *(member.get(key, "") for key in keys)]
        for number, member in enumerate(members, start=1)
    ]
    while len(rows) < section.rows:
        rows.append([str(len(rows) + 1) if rows else "户主", *("" for _key in keys)])
    return {
        "head": ["序号", *(one.label for one in section.fields_)],
        "widths": [0.8, *(_PARTS.get(key, 1.3) for key in keys)],
        "rows": rows,
    }


def _plain(title: str, *fields: tuple[str, str, str]) -> FormSection:
    return FormSection.model_validate(
        {
            "title": title,
            "rows": 1 if fields[0][0].startswith("member_") else 0,
            "fields": [{"key": key, "label": label, "type": kind} for key, label, kind in fields],
        }
    )


_PLAIN: Sequence[FormSection] = (
    _plain(
        "一、基本情况",
        ("address", "家庭住址", "long_text"),
        ("name", "姓名", "text"),
        ("sex_and_birth", "性别、出生日期", "text"),
        ("id_number", "公民身份号码", "text"),
        ("phone", "联系电话", "text"),
        ("categories_text", "对象类别", "text"),
        ("tier_text", "对象", "text"),
        ("ability_text", "能力程度", "text"),
        ("disability_text", "残疾人证", "text"),
        ("medical_history", "曾患病史", "long_text"),
        ("economic_text", "经济情况", "text"),
        ("filed_on", "建档日期", "text"),
        ("wishes_text", "意愿", "long_text"),
    ),
    _plain(
        "二、家庭成员",
        ("member_name", "姓名", "text"),
        ("member_sex", "性别", "text"),
        ("member_id_number", "公民身份号码", "text"),
        ("member_relation", "与户主关系", "text"),
        ("member_health", "健康状况", "text"),
        ("member_assistance", "是否为低保对象/特困人员", "text"),
        ("member_visits_often", "是否经常探访", "text"),
    ),
    _plain(
        "三、生活条件和帮扶",
        ("water_safe", "饮水是否安全", "text"),
        ("power_safe", "生活用电是否安全", "text"),
        ("house_safe", "住房是否安全", "text"),
        ("household_income", "家庭每月收入（元）", "text"),
        ("allowances", "每月领取养老保险、救助和补贴", "long_text"),
        ("helpers_text", "帮扶单位（组织）", "long_text"),
        ("helper_person", "帮扶责任人", "text"),
        ("linked_text", "挂钩联系", "text"),
        ("helper_measures", "帮扶措施", "long_text"),
    ),
    _plain(
        "四、联系人",
        ("service_contact", "探访关爱服务联系人", "text"),
        ("first_contact", "第一探访联系人", "text"),
        ("emergency_all", "紧急联系人", "long_text"),
    ),
    _plain(
        "五、核实",
        ("checked_by", "核实人（签字）", "signature"),
        ("elder_signature", "被探访人（签字）", "signature"),
    ),
)
