"""Forms of what workers decide for themselves: ways and places, wishes and limits, further hours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import (
    DateField,
    DecimalField,
    IntegerField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TimeField,
)
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from coordinator.kernel.errors import InvalidInput
from coordinator.kernel.forms import Form, options
from coordinator.kernel.i18n import distance
from coordinator.workforce.labels import DIALECTS, TRAVEL_MODES, WISHES
from coordinator.workforce.models import TravelMode, Worker
from coordinator.workforce.queries.spots import Spot, spot_in
from coordinator.workforce.services.preferences import Travel
from coordinator.workforce.ways import minutes_for
from coordinator.workforce.wishes import PAIRS

RADII = (500, 1_000, 1_500, 2_000, 3_000, 5_000, 10_000, 20_000)
MOST_MINUTES = 60
SAME, ELSEWHERE = "same", "elsewhere"


def radius_words(metres: int, mode: TravelMode) -> str:
    """1 公里以内，走路约 20 分钟; by the next faster way where this one takes more than an hour."""
    words = {TravelMode.WALK: _("走路"), TravelMode.BIKE: _("骑车"), TravelMode.CAR: _("开车")}
    modes = list(TravelMode)[list(TravelMode).index(mode) :]
    taken = next((one for one in modes if minutes_for(one, metres) <= MOST_MINUTES), TravelMode.CAR)
    minutes = minutes_for(taken, metres)
    far = distance(metres).replace(".0", "")
    shown = minutes if minutes < 10 else round(minutes / 5) * 5
    return str(_("%(far)s以内，%(way)s约 %(n)s 分钟", far=far, way=words[taken], n=shown))


class TravelForm(Form):
    """Where the day begins and ends. A place may be told by the map, from a list, or by an address in words."""

    travel_mode = RadioField(
        _l("平时怎么去"), choices=options(TRAVEL_MODES), validators=[InputRequired(_l("请选一个。"))]
    )
    start_spot = SelectField(_l("从哪一片出发"), validators=[Optional()])
    start_address = StringField(
        _l("或者写地址"),
        description=_l("写到社区或小区就够了，不用写门牌号"),
        validators=[Length(max=200)],
    )
    start_latitude = DecimalField(_l("出发的纬度"), places=6, validators=[Optional()])
    start_longitude = DecimalField(_l("出发的经度"), places=6, validators=[Optional()])
    end_way = RadioField(
        _l("走完以后去哪里"),
        choices=options([(SAME, _l("回到出发的地方")), (ELSEWHERE, _l("去别的地方"))]),
        default=SAME,
        validators=[InputRequired(_l("请选一个。"))],
    )
    end_spot = SelectField(_l("到哪一片"), validators=[Optional()])
    end_address = StringField(_l("或者写地址"), validators=[Length(max=200)])
    end_latitude = DecimalField(_l("到达的纬度"), places=6, validators=[Optional()])
    end_longitude = DecimalField(_l("到达的经度"), places=6, validators=[Optional()])
    radius = RadioField(_l("最远愿意去多远"), validators=[InputRequired(_l("请选一个。"))])

    def __init__(self, worker: Worker, spots: Sequence[Spot], *args: Any, **kwargs: Any) -> None:
        self.worker, self.spots = worker, list(spots)
        super().__init__(*args, **kwargs)
        places = [(one.key, one.name) for one in spots]
        self.start_spot.choices = options(places, _l("不改，或者在地图上点"))
        self.end_spot.choices = options(places, _l("请选，或者在地图上点"))
        metres = sorted({*RADII, worker.service_radius_metres})
        self.radius.choices = options([(str(one), radius_words(one, worker.travel_mode)) for one in metres])

    @classmethod
    def of(cls, worker: Worker, spots: Sequence[Spot]) -> TravelForm:
        """What is on file."""
        return cls(
            worker,
            spots,
            data={
                "travel_mode": worker.travel_mode.value,
                "start_address": worker.start_address,
                "start_latitude": worker.start_latitude,
                "start_longitude": worker.start_longitude,
                "end_way": SAME if worker.end_latitude is None else ELSEWHERE,
                "end_latitude": worker.end_latitude,
                "end_longitude": worker.end_longitude,
                "radius": str(worker.service_radius_metres),
            },
        )

    def travel(self) -> Travel:
        """The answers. Raises InvalidInput where a place is not told."""
        worker = self.worker
        held_end = _pair(worker.end_latitude, worker.end_longitude)
        start = self._place("start", (worker.start_latitude, worker.start_longitude), worker.start_address)
        end = self._place("end", held_end, None) if self.end_way.data == ELSEWHERE else None
        if start is None:
            raise InvalidInput(_("请告诉我们您从哪里出发。"), field="start_spot")
        if self.end_way.data == ELSEWHERE and end is None:
            raise InvalidInput(_("请选走完以后去哪一片，或者写地址。"), field="end_spot")
        return Travel(
            TravelMode(self.travel_mode.data),
            start,
            end,
            int(self.radius.data),
            self.start_address.data or "",
        )

    def _place(
        self, which: str, held: tuple[float, float] | None, address: str | None
    ) -> tuple[float, float] | None:
        """A point on the map that was moved, else the choice from the list, else what the address names."""
        typed = _typed(self[f"{which}_latitude"].data, self[f"{which}_longitude"].data)
        if typed is not None and not _same(typed, held):
            return typed
        chosen = next((one for one in self.spots if one.key == self[f"{which}_spot"].data), None)
        if chosen is not None:
            return chosen.place
        text = (self[f"{which}_address"].data or "").strip()
        if text and text != (address or ""):
            named = spot_in(text, self.spots)
            if named is not None:
                return named.place
            # Kept quietly, the old place would stand beside the new address.
            raise InvalidInput(
                _("没认出这个地址在哪一片。"),
                _("请写社区名或小区名，或者从上面选一片。"),
                field=f"{which}_address",
            )
        return held


def _typed(latitude: Decimal | None, longitude: Decimal | None) -> tuple[float, float] | None:
    return None if latitude is None or longitude is None else (float(latitude), float(longitude))


def _pair(latitude: float | None, longitude: float | None) -> tuple[float, float] | None:
    return None if latitude is None or longitude is None else (latitude, longitude)


def _same(one: tuple[float, float], other: tuple[float, float] | None) -> bool:
    """What the page showed, six decimals of it."""
    return other is not None and all(abs(a - b) < 1e-6 for a, b in zip(one, other, strict=True))


ANY = ""


class WishesForm(Form):
    """Four short questions, the languages, and how much at most."""

    way = RadioField(_l("怎样探访"), validators=[Optional()])
    company = RadioField(_l("几个人去"), validators=[Optional()])
    home = RadioField(_l("去谁家"), validators=[Optional()])
    time = RadioField(_l("什么时候"), validators=[Optional()])
    dialects = SelectMultipleField(
        _l("会讲的话"), description=_l("普通话不用选"), validate_choice=False, validators=[Optional()]
    )
    more_dialects = StringField(_l("别的话"), description=_l("几种用顿号隔开"), validators=[Length(max=120)])
    max_visits_day = IntegerField(
        _l("一天最多"), validators=[InputRequired(_l("请填一个数。")), NumberRange(1, 20, _l("1 到 20 次。"))]
    )
    max_visits_week = IntegerField(
        _l("一周最多"),
        validators=[InputRequired(_l("请填一个数。")), NumberRange(1, 100, _l("1 到 100 次。"))],
    )
    max_visits_month = IntegerField(
        _l("一个月最多"),
        validators=[InputRequired(_l("请填一个数。")), NumberRange(1, 400, _l("1 到 400 次。"))],
    )
    max_hours_week = IntegerField(
        _l("一周最多几小时"), validators=[Optional(), NumberRange(1, 60, _l("1 到 60 小时。"))]
    )

    def __init__(self, known: Iterable[str], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, pair in PAIRS.items():
            self[name].choices = options([(ANY, _l("都行")), *((one.value, WISHES[one]) for one in pair)])
            if self[name].data is None:
                self[name].data = ANY
        self.dialects.choices = options([(one, one) for one in dict.fromkeys([*known, *DIALECTS])])

    @classmethod
    def of(cls, worker: Worker, known: Iterable[str]) -> WishesForm:
        """What is on file; `known` are the dialects spoken by the elders around."""
        listed = {*known, *DIALECTS}
        wishes = {
            name: next((one.value for one in pair if one in worker.wanted), ANY)
            for name, pair in PAIRS.items()
        }
        return cls(
            known,
            data=wishes
            | {
                "dialects": [one for one in worker.dialects if one in listed],
                "more_dialects": "、".join(one for one in worker.dialects if one not in listed),
                "max_visits_day": worker.max_visits_day,
                "max_visits_week": worker.max_visits_week,
                "max_visits_month": worker.max_visits_month,
                "max_hours_week": worker.max_hours_week,
            },
        )

    @property
    def questions(self) -> list[Any]:
        return [self[name] for name in PAIRS]

    def wanted(self) -> list[str]:
        return [self[name].data for name in PAIRS if self[name].data]

    def spoken(self) -> list[str]:
        text = self.more_dialects.data or ""
        for mark in ",，;；/ ":
            text = text.replace(mark, "、")
        return [*(self.dialects.data or ()), *text.split("、")]

    def limits(self) -> dict[str, int | None]:
        names = ("max_visits_day", "max_visits_week", "max_visits_month", "max_hours_week")
        return {name: self[name].data for name in names}


class FurtherHoursForm(Form):
    """Days on which the worker comes at other hours than usual."""

    first_day = DateField(_l("从哪天"), validators=[InputRequired(_l("请填日期。"))])
    last_day = DateField(_l("到哪天"), validators=[InputRequired(_l("请填日期。"))])
    starts = TimeField(_l("几点来"), validators=[InputRequired(_l("请填几点。"))])
    ends = TimeField(_l("几点走"), validators=[InputRequired(_l("请填几点。"))])
