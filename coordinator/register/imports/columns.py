"""The columns of each office's list: who it is, and what the office says about the person."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask_babel import lazy_gettext as _l

from coordinator.elders.imports.columns import Column
from coordinator.elders.imports.elder_columns import BY_KEY
from coordinator.elders.imports.kinds import day_column, text_column, yes_no_column
from coordinator.register.models import Source


def _known(key: str, *synonyms: str, **over: Any) -> Column:
    """A column of the elders' own list, with its headings, words and parser."""
    column = BY_KEY[key]
    return replace(column, synonyms=(*column.synonyms, *synonyms), **over)


_WHO = (
    _known("name", example=("王示例", "陈样本"), required=True),
    _known(
        "id_number",
        about=_l("18 位，这一列要是文本。没有的要有出生日期或住址，不然认不出是谁。"),
    ),
    _known("sex"),
    _known("birth_date"),
    _known("phone"),
    _known("address", required=False, about=_l("现在住的地方，写到门牌号。")),
    _known("community", required=False, about=_l("社区（村）的名称，写了认得更准；不写也可以。")),
    day_column(
        "data_on",
        "数据日期",
        _l("这份数据截至哪一天；不填算上传的那一天。"),
        past=True,
        example=("2026-03-01", "2026-03-01"),
        synonyms=("数据截止日期", "统计日期", "截至日期"),
    ),
)
# What every list has behind the name; then what only this office says.
_OWN: dict[Source, tuple[Column, ...]] = {
    Source.HEALTH: (
        yes_no_column(
            "special_family",
            "计划生育特殊家庭",
            _l("独生子女死亡或三级以上伤残、没有再生育或收养的，填是。"),
            example=("是", ""),
            synonyms=("计生特殊家庭", "是否计划生育特殊家庭", "计生特扶"),
        ),
        _known("ability_level"),
    ),
    Source.DISABLED: (
        _known("certificate_grade", example=("二级", "一级"), required=True),
        _known("certificate_kind"),
        _known("certificate_number"),
        _known("certificate_valid_to"),
    ),
    Source.RELIEF: (
        _known(
            "economic_status",
            "救助类别",
            "救助类型",
            "保障类别",
            about=_l("特困人员、低保或低保边缘。"),
            example=("低保", "特困人员"),
            required=True,
        ),
    ),
    Source.ABILITY: (
        _known(
            "ability_level",
            "评估结论",
            "评估等级",
            about=_l("评估结论：能力完好、轻度、中度、重度或完全失能。"),
            example=("中度失能", "能力完好"),
            required=True,
        ),
        day_column(
            "ability_assessed_on",
            "评估日期",
            _l("评估的那一天。"),
            past=True,
            example=("2026-02-10", "2026-02-11"),
            synonyms=("能力评估日期",),
            required=True,
        ),
        text_column(
            "ability_assessor",
            "评估单位",
            _l("做评估的机构。"),
            60,
            example=("示例区养老服务评估中心", ""),
            synonyms=("评估机构", "评估人"),
            width=24,
        ),
    ),
    Source.OTHER: (_known("categories"),),
}
COLUMNS: dict[Source, tuple[Column, ...]] = {source: (*_WHO, *own) for source, own in _OWN.items()}
