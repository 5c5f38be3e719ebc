"""志愿服务记录证明: issued over confirmed hours under a running number, revoked in the open."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import date
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import func, select, text

from coordinator.accounts.models import Organisation
from coordinator.extensions import db
from coordinator.hours import papers
from coordinator.hours.models import Certificate, CertificateEntry
from coordinator.hours.queries import CountedLine, certifiable_entries
from coordinator.hours.services.chain import lock_chains, said_why
from coordinator.kernel import audit, clock, i18n
from coordinator.kernel.access import Actor, Permission, demand
from coordinator.kernel.areas import Area
from coordinator.kernel.errors import Conflict, InvalidInput
from coordinator.messages.services import notify
from coordinator.workforce.models import Worker, WorkerKind

_REGISTER_LOCK = 7_305  # first key of the advisory lock of one street's register
# No 0 and O, 1 and I and L: the code is read from paper and typed.
_LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
_CODE_LENGTH = 12


def issue_certificate(
    actor: Actor, worker: Worker, first_day: date, last_day: date, organisation: Organisation | None = None
) -> Certificate:
    """Issue a 志愿服务记录证明 over a worker's counted entries of a span (民发〔2015〕149号).

    Counts lines of visits whose record a coordinator has confirmed, less reversals; a student's lines count
    with what the school recognised, and the paper names `organisation` (their own school unless given) as the
    one that did. 谁记录谁证明: the issuer is the street that organised the visits. What the paper says, issuer
    included, is frozen. Raises InvalidInput on a span without countable hours.
    """
    demand(actor, Permission.CERTIFICATE_ISSUE, worker.area.path)
    if first_day > last_day:
        raise InvalidInput(_("开始日期要早于结束日期。"), field="first_day")
    if last_day > clock.today():
        raise InvalidInput(_("结束日期不能晚于今天。"), field="last_day")
    # Nobody takes back or decides on these lines before the certificate stands.
    lock_chains([worker.id])
    lines = certifiable_entries(worker, first_day, last_day)
    minutes = sum(line.minutes for line in lines)
    if minutes <= 0:
        raise InvalidInput(
            _("%(name)s这段时间还没有可以证明的时数。", name=worker.name),
            _("探访记录要先由社区确认；学生的时数还要学校核验。"),
        )
    school = (organisation or worker.organisation) if worker.kind is WorkerKind.STUDENT else None
    street = papers.street_of(worker.area)
    certificate = Certificate(
        number=_next_number(street),
        code=new_code(),
        worker_id=worker.id,
        organisation_id=school.id if school else None,
        area_id=worker.area_id,
        first_day=first_day,
        last_day=last_day,
        minutes=minutes,
        content=_content(actor, worker, street, school, lines),
        issued_by_id=actor.user_id,
        issued_at=clock.now(),
    )
    db.session.add(certificate)
    db.session.flush()
    db.session.add_all(
        CertificateEntry(certificate_id=certificate.id, entry_id=line.entry.id) for line in lines
    )
    audit.record(
        actor,
        "certificate.issue",
        certificate,
        _("给%(name)s开具志愿服务记录证明 %(number)s", name=worker.name, number=certificate.number),
    )
    if worker.user_id is not None:
        notify(
            [worker.user_id],
            _("街道给您开具了志愿服务记录证明"),
            _("编号 %(number)s，%(n)s 小时。", number=certificate.number, n=i18n.hours(minutes)),
            "/hours/mine",
            dedupe_key=f"certificate-issued:{certificate.id}",
        )
    db.session.flush()
    return certificate


def _next_number(street: Area) -> str:
    """The next number of a street's register: ZM-year-street-ordinal, ordinals from 1 each year without gaps.

    One at a time: the lock is held to the end of the transaction, so nobody reads the same last number.
    """
    db.session.execute(
        text("SELECT pg_advisory_xact_lock(:space, :id)"), {"space": _REGISTER_LOCK, "id": street.id}
    )
    head = f"ZM-{clock.today().year}-{street.id:04d}-"
    last = db.session.scalar(
        select(func.max(Certificate.number)).where(Certificate.number.startswith(head, autoescape=True))
    )
    return f"{head}{int(last.removeprefix(head)) + 1 if last else 1:06d}"


def new_code() -> str:
    """The secret half of the public check: 12 letters and figures in groups, about 59 bits."""
    drawn = "".join(secrets.choice(_LETTERS) for _index in range(_CODE_LENGTH))
    return "-".join(drawn[start : start + 4] for start in range(0, _CODE_LENGTH, 4))


def _content(
    actor: Actor, worker: Worker, street: Area, school: Organisation | None, lines: Sequence[CountedLine]
) -> dict[str, Any]:
    """What the paper says, frozen at the issue: later changes of worker or street do not alter it."""
    months: dict[str, dict[str, Any]] = {}
    for line in lines:
        row = months.setdefault(f"{line.entry.service_on:%Y-%m}", {"days": set(), "visits": 0, "minutes": 0})
        row["days"].add(line.entry.service_on.day)
        row["visits"] += 1
        row["minutes"] += line.minutes
    recognised = [line.recognised_at for line in lines if line.recognised_at is not None]
    return {
        "name": worker.name,
        "volunteer_number": worker.volunteer_number,
        "id_number": worker.id_number,
        "visits": len(lines),
        "months": [
            {"month": month, **row, "days": sorted(row["days"])} for month, row in sorted(months.items())
        ],
        "school": school.name if school else None,
        "recognised_on": clock.to_local(max(recognised)).date().isoformat()
        if school and recognised
        else None,
        "issuer": papers.issuer_of(street) | {"handler": actor.name},
    }


def revoke_certificate(actor: Actor, certificate: Certificate, reason: str) -> None:
    """Revoke a certificate; its public page says so from now on, and its hours may be certified or taken back."""
    demand(actor, Permission.CERTIFICATE_ISSUE, certificate.worker.area.path)
    said = said_why(reason)
    lock_chains([certificate.worker_id])
    db.session.refresh(certificate)
    if certificate.revoked_at is not None:
        raise Conflict(_("这份证明已经撤销过了。"), _("请刷新页面看最新的情况。"))
    certificate.revoked_at = clock.now()
    certificate.revoked_by_id = actor.user_id
    certificate.revoked_reason = said
    audit.record(
        actor,
        "certificate.revoke",
        certificate,
        _("撤销证明 %(number)s：%(why)s", number=certificate.number, why=said),
    )
    if certificate.worker.user_id is not None:
        notify(
            [certificate.worker.user_id],
            _("您的一份志愿服务记录证明被撤销"),
            _("编号 %(number)s。原因：%(why)s", number=certificate.number, why=said),
            "/hours/mine",
            dedupe_key=f"certificate-revoked:{certificate.id}",
        )
    db.session.flush()
