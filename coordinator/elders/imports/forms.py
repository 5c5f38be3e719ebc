"""The upload form."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from flask_wtf.file import FileField, FileRequired
from wtforms import RadioField, SelectField
from wtforms.validators import InputRequired

from coordinator.kernel.forms import Form, options
from coordinator.kernel.geo import Datum

DATUMS = {
    Datum.WGS84: _l("WGS-84（手机定位、天地图）"),
    Datum.GCJ02: _l("GCJ-02（高德、腾讯地图）"),
    Datum.BD09: _l("BD-09（百度地图）"),
}


class UploadForm(Form):
    """A list of one area."""

    area_id = SelectField(_l("导入到"), validators=[InputRequired(_l("请选一个街道或社区。"))])
    datum = RadioField(
        _l("名单里的经纬度是哪种坐标系"),
        choices=options(DATUMS),
        default=Datum.WGS84.value,
        description=_l("没有经纬度的不用管。选错会偏几百米，系统看不出来。"),
        validators=[InputRequired(_l("请选一种坐标系。"))],
    )
    file = FileField(
        _l("名单文件"),
        description=_l("xlsx、xls、ods 或 csv，最大 16 MB，最多 5 万行。列的先后不要紧。"),
        validators=[FileRequired(_l("请选一个文件。"))],
    )
