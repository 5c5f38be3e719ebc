"""From a stored certificate to its paper."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

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


def paper_of(certificate: Certificate, handler: str, verify_url: str) -> CertificatePaper:
    """The printable certificate, from what was frozen at its issue."""
    content = certificate.content
    street = street_of(certificate.worker.area)
    settings = street.settings.get("issuer", {})
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
        hours=Decimal(certificate.minutes) / 60,
        rows=tuple(
            CertificateRow(
                month=_month(row["month"]),
                days=_days(row["days"]),
                content="特殊困难老年人探访关爱服务",
                visits=row["visits"],
                hours=Decimal(row["minutes"]) / 60,
            )
            for row in content["months"]
        ),
        issuer=settings.get("name") or f"{street.name}办事处",
        person_in_charge=settings.get("person_in_charge", ""),
        handler=handler,
        contact=settings.get("contact") or street.emergency_phone or "",
        issue_date=clock.to_local(certificate.issued_at).date(),
        approved=certificate.revoked_at is None,
        notes=(
            "服务时间按到达与离开长者家中的时刻计算，不含往返途中时间。",
            "志愿服务自愿、无偿。本证明不收取任何费用。",
        ),
    )


def _month(text: str) -> str:
    first = date.fromisoformat(f"{text}-01")
    return f"{first.year}年{first.month}月"


def _days(days: Iterable[int]) -> str:
    return "、".join(str(day) for day in days) + "日"
