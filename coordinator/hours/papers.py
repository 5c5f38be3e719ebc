"""From a stored certificate to its paper."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from itertools import accumulate, pairwise
from typing import Any

from coordinator.hours.models import Certificate
from coordinator.kernel import areas, clock
from coordinator.kernel.areas import Area, AreaLevel
from coordinator.kernel.identity import mask_id
from coordinator.kernel.printing import Certificate as CertificatePaper
from coordinator.kernel.printing import CertificateRow


def street_of(area: Area) -> Area:
    """The street (or what stands above) that issues for an area: 谁记录谁证明."""
    for one in areas.ancestors(area):
        if one.level not in (AreaLevel.COMMUNITY, AreaLevel.GRID):
            return one
    return area


def issuer_of(street: Area) -> dict[str, str]:
    """Name, person in charge and contact of the issuer, from the street's settings under 'issuer'."""
    given = street.settings.get("issuer", {})
    return {
        "name": given.get("name") or f"{street.name}办事处",
        "person_in_charge": given.get("person_in_charge", ""),
        "contact": given.get("contact") or street.emergency_phone or "",
    }


def printed_hours(minutes: Sequence[int]) -> list[Decimal]:
    """Minutes as hours with two decimals that add up exactly to the hours of their sum.

    The running sum is rounded, not each part: whoever adds the printed rows by hand gets the printed total.
    """
    sums = [0, *accumulate(minutes)]
    return [Decimal(_hundredths(after) - _hundredths(before)) / 100 for before, after in pairwise(sums)]


def _hundredths(minutes: int) -> int:
    """Hundredths of an hour, to the nearest (minutes × 5/3; there is never a tie)."""
    return (minutes * 10 + 3) // 6


def paper_of(certificate: Certificate, verify_url: str) -> CertificatePaper:
    """The printable certificate, from what was frozen at its issue."""
    content = certificate.content
    hours = printed_hours([row["minutes"] for row in content["months"]])
    issuer = content["issuer"]
    return CertificatePaper(
        number=certificate.number,
        short_code=certificate.code,
        verify_url=verify_url,
        name=content["name"],
        id_type="居民身份证",
        id_masked=mask_id(content["id_number"]) if content["id_number"] else "******（未登记）",
        volunteer_number=content["volunteer_number"] or "未登记",
        period_start=certificate.first_day,
        period_end=certificate.last_day,
        visits=content["visits"],
        hours=sum(hours, Decimal(0)),
        rows=tuple(
            CertificateRow(
                month=_month(row["month"]),
                days=_days(row["days"]),
                content="特殊困难老年人探访关爱服务",
                visits=row["visits"],
                hours=part,
            )
            for row, part in zip(content["months"], hours, strict=True)
        ),
        issuer=issuer["name"],
        person_in_charge=issuer["person_in_charge"],
        handler=issuer["handler"],
        contact=issuer["contact"],
        issue_date=clock.to_local(certificate.issued_at).date(),
        approved=True,
        notes=(
            "服务时间按到达与离开长者家中的时刻计算，不含往返途中时间。",
            "志愿服务自愿、无偿。本证明不收取任何费用。",
        ),
        verified=_verified(content),
    )


def _verified(content: dict[str, Any]) -> str:
    if not content["school"]:
        return ""
    day = date.fromisoformat(content["recognised_on"])
    return f"{content['school']}逐笔认可，最近一次在{day.year}年{day.month}月{day.day}日"


def _month(text: str) -> str:
    first = date.fromisoformat(f"{text}-01")
    return f"{first.year}年{first.month}月"


def _days(days: Iterable[int]) -> str:
    return "、".join(str(day) for day in days) + "日"
