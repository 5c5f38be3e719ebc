"""Forms of the planning pages."""

from __future__ import annotations

from datetime import time

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import (
    BooleanField,
    DateField,
    HiddenField,
    IntegerField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TimeField,
)
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from coordinator.kernel.forms import Form, options
from coordinator.planning.labels import WISHES
from coordinator.planning.services.city import seconds_each, whole_seconds
from coordinator.planning.services.runs import LONGEST, SHORTEST
from coordinator.planning.translate import Options, Wish

MINUTES = (
    ("30", _l("30 秒，先看个大概")),
    ("60", _l("1 分钟")),
    ("120", _l("2 分钟，更省路")),
    ("300", _l("5 分钟，人多时用")),
)


class StartForm(Form):
    """Wishes of a plan run."""

    travel = RadioField(_l("少跑路"), choices=options(WISHES), default=Wish.SOME.value)
    continuity = RadioField(_l("尽量同一个人"), choices=options(WISHES), default=Wish.MUCH.value)
    balance = RadioField(_l("活儿分匀"), choices=options(WISHES), default=Wish.SOME.value)
    seconds = SelectField(_l("最多算多久"), choices=options(MINUTES), default="60")
    from_draft = BooleanField(_l("从现在的草案改起，固定的不动"))

    @property
    def wishes(self) -> Options:
        """What was asked for."""
        return Options(Wish(self.continuity.data), Wish(self.balance.data), Wish(self.travel.data))


def street_seconds(streets: int, workers: int) -> list[SelectChoice]:
    """Search times of a street with how long all of them take about; the first (0) is chosen by itself."""
    auto = seconds_each(streets, workers)
    found = [("0", _("自动：%(n)s 秒，全部%(whole)s", n=auto, whole=_whole(streets, workers, auto)))]
    found += [
        (str(n), _("%(n)s 秒，全部%(whole)s", n=n, whole=_whole(streets, workers, n)))
        for n in (5, 15, 60, 300)
    ]
    return options(found)


def _whole(streets: int, workers: int, seconds: int) -> str:
    return _("约 %(n)s 分钟", n=max(1, round(whole_seconds(streets, workers, seconds) / 60)))


class OrderForm(Form):
    """For which streets drafts are wanted. The view sets both choices."""

    streets = SelectMultipleField(_l("街道"), coerce=int, choices=[])
    seconds = SelectField(_l("每个街道算多久"), choices=[], default="0")


class StreetForm(Form):
    """One street of an order."""

    area = IntegerField(_l("街道"), validators=[InputRequired(_l("请选一个街道。"))])


class SecondsForm(Form):
    """Time of a run that begins from an earlier plan."""

    seconds = IntegerField(
        _l("最多算多久（秒）"), validators=[Optional(), NumberRange(SHORTEST, LONGEST)], default=30
    )


class MoveForm(Form):
    """Where a visit is to go. Choices of workers and days are set by the view."""

    worker = SelectField(_l("由谁去"), coerce=int, validators=[InputRequired(_l("请选一个人。"))])
    second = SelectField(_l("同去的人"), coerce=int, default=0, validators=[Optional()])
    day = DateField(_l("哪一天"), validators=[InputRequired(_l("请选一天。"))])
    position = SelectField(_l("第几站"), coerce=int, default=-1, validators=[Optional()])
    accept = BooleanField(_l("已经和本人说好"))


class OfferForm(Form):
    """Time of a visit that is put up for claims."""

    day = DateField(_l("哪一天"), validators=[InputRequired(_l("请选一天。"))])
    time = TimeField(_l("几点到"), validators=[InputRequired(_l("请填时间。"))], default=time(9, 30))


class WithdrawForm(Form):
    """Why a day's approval is taken back."""

    reason = StringField(
        _l("原因"),
        validators=[InputRequired(_l("请写明原因。")), Length(max=150, message=_l("最多写 150 个字。"))],
    )


class PinForm(Form):
    """Fix or let go."""

    pinned = HiddenField()
