"""What the documents leave open, with its explanation."""

from __future__ import annotations

from typing import Annotated, Generic, Literal, TypeVar

from pydantic import Field, StrictInt

from ..predicates import Strict
from .wording import Text

T = TypeVar("T")

INTERPRETATION = "文件没有写明，这是本街道的设定。"

# Used where a pack has neither rule nor setting that needs them.
HIGH_AGE = 80
HALF_MONTH_LAST_DAY = 15


class Setting(Strict, Generic[T]):
    """An interpretation: a value, what it means in Chinese, and the label under which a page shows it."""

    value: T
    text: Text
    label: Text = INTERPRETATION


class Settings(Strict):
    """What the documents leave open. What a pack needs is written out in it, so that nothing is decided unseen.

    `spacing_days_*` are wishes for planning and never decide whether an obligation is met.
    `surge_extra_contacts` is for documents that only say 「适当增加」: 0 owes nothing and leaves it advice, more
    are owed in each event that a `surge` entry without `count` names.
    """

    time_zone: Setting[Literal["Asia/Shanghai"]]
    half_month_last_day: Setting[Annotated[StrictInt, Field(ge=14, le=16)]] | None = None
    calendar_periods: Setting[Literal[True]]
    decided_on_first_day: Setting[Literal[True]]
    high_age: Setting[Annotated[StrictInt, Field(ge=60, le=120)]] | None = None
    total_loss_counts_as_severe: Setting[Literal[True]] | None = None
    enrolled_is_in_scope: Setting[Literal[True]]
    min_enrolment_days: Setting[Annotated[StrictInt, Field(ge=0, le=31)]]
    counted_per_day: Setting[Annotated[StrictInt, Field(ge=1, le=10)]]
    only_completed_counts: Setting[Literal[True]]
    one_contact_several_obligations: Setting[Literal[True]]
    refusal_waives: Setting[Literal[True]]
    unknown_consent_owes: Setting[Literal[True]]
    left_behind_months: Setting[Annotated[StrictInt, Field(ge=1, le=60)]]
    surge_one_contact_any_mode: Setting[Literal[True]] | None = None
    remote_contact_suits: Setting[Literal[True]] | None = None
    couple_and_carer: Setting[Literal[True]] | None = None
    home_consent_from_parent: Setting[Literal[True]] | None = None
    monthly_from_target_day: Setting[Literal[True]] | None = None
    spacing_days_half_month: Setting[Annotated[StrictInt, Field(ge=0, le=15)]] | None = None
    spacing_days_month: Setting[Annotated[StrictInt, Field(ge=0, le=31)]] | None = None
    surge_extra_contacts: Setting[Annotated[StrictInt, Field(ge=0, le=10)]] | None = None

    def text_of(self, key: str) -> str:
        """Explanation and label of one setting, as a page shows them."""
        setting = getattr(self, key)
        return f"{setting.text}{setting.label}"
