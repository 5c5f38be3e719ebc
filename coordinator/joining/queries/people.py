"""Who holds a phone, who has an ID number, and who hears of an application."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import or_, select
from sqlalchemy.orm import joinedload

from coordinator.accounts.access import enters_by_code
from coordinator.accounts.models import User
from coordinator.accounts.queries import holders_in_areas, holders_in_organisation
from coordinator.elders.lookup import phone_hash
from coordinator.extensions import db
from coordinator.kernel.access import Permission
from coordinator.workforce.models import Worker, WorkerStatus


class Person(NamedTuple):
    """Somebody whose telephone this is: a worker (with or without an account), or another account."""

    key: str
    name: str
    worker: Worker | None
    user: User | None

    @property
    def enters_by_code(self) -> bool:
        """May a code alone sign this person in? Never where a second factor belongs, nor into a closed account."""
        return self.user is None or enters_by_code(self.user)


def people_with_phone(phone: str) -> list[Person]:
    """Everybody registered with this number (in its normal form). Who left without an account is gone."""
    owner = phone_hash(phone)
    workers = db.session.scalars(
        select(Worker)
        .where(
            Worker.phone_hash == owner,
            or_(Worker.status != WorkerStatus.LEFT, Worker.user_id.is_not(None)),
        )
        .options(joinedload(Worker.user), joinedload(Worker.area), joinedload(Worker.organisation))
        .order_by(Worker.id)
    ).all()
    found = [Person(f"w{one.id}", one.name, one, one.user) for one in workers]
    known = {one.user_id for one in workers}
    users = db.session.scalars(select(User).where(User.phone_hash == owner).order_by(User.id))
    return found + [Person(f"u{one.id}", one.name, None, one) for one in users if one.id not in known]


def keepers_of(*paths: str) -> list[int]:
    """Users who keep the workers of these areas (by path): of the areas themselves and those above. One query."""
    return holders_in_areas(Permission.WORKER_EDIT, *paths)


def managers_of(organisation_id: int) -> list[int]:
    """Users who keep the roster of an organisation. One query."""
    return holders_in_organisation(Permission.ROSTER_EDIT, organisation_id)
