"""What is said about files that cannot be taken, and about what was done to a file to understand it."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from coordinator.elders.imports.reading import MAX_ROWS

_TEMPLATE = _l("请下载模板，把名单填进去再上传。")
# code → what happened, what to do
FILE_PROBLEMS: dict[str, tuple[Any, Any]] = {
    "empty": (_l("文件是空的。"), _TEMPLATE),
    "type": (_l("这不是表格文件。"), _l("请上传 xlsx、xls、ods 或 csv 文件。")),
    "web_page": (_l("这个文件虽然叫表格，里面其实是网页。"), _l("请用表格软件打开，另存为 xlsx 再上传。")),
    "password": (_l("这个文件有密码，读不了。"), _l("请去掉密码，另存一份再上传。")),
    "broken": (_l("这个文件损坏了，打不开。"), _l("请用表格软件打开，另存为 xlsx 再上传。")),
    "bomb": (_l("这个文件解开以后大得不正常。"), _l("请把名单复制到新的表格里再上传。")),
    "too_big": (_l("这个文件内容太多，没有读完。"), _l("请去掉图片和多余的格式，或分成几个文件。")),
    "too_wide": (_l("这张表的列太多。"), _l("请把名单以外的列删掉再上传。")),
    "too_many_rows": (_l("名单超过 5 万行。"), _l("请分成几个文件上传。")),
    "no_sheet": (_l("文件里没有能看见的工作表。"), _TEMPLATE),
    "no_headings": (_l("没有找到表头。"), _l("前 30 行里要有一行写着姓名、住址等列名。可以下载模板对照。")),
    "no_rows": (_l("表头下面没有内容。"), _TEMPLATE),
}
assert MAX_ROWS == 50_000


def file_problem(code: str) -> tuple[str, str]:
    """What happened and what to do."""
    text, remedy = FILE_PROBLEMS[code]
    return str(text), str(remedy)


def missing_columns(headings: list[str]) -> tuple[str, str]:
    """Required columns the sheet does not have."""
    return (
        _("表里缺少必填的列：%(names)s。", names="、".join(headings)),
        _("请补上这几列，列名照模板写。"),
    )


def notice(entry: dict[str, Any]) -> str:
    """A notice of a batch in words."""
    values = {key: value for key, value in entry.items() if key != "code"}
    return str(_NOTICES[entry["code"]]) % values


_NOTICES: dict[str, Any] = {
    "sheet": _l("读的是工作表“%(name)s”。"),
    "heading_row": _l("表头在第 %(row)s 行。"),
    "merged": _l("“%(column)s”有 %(count)s 处合并单元格，已经按同样的内容填到每一行。"),
    "unknown": _l("这些列没有导入，系统不认识：%(names)s。"),
    "doubled": _l("这些列出现了两次，只用前面一列：%(names)s。"),
    "same_file": _l("同样的文件在%(when)s上传过一次。"),
}
