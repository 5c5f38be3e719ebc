"""The areas whose rules somebody may set, and what is set there."""

from __future__ import annotations

from sqlalchemy import func, or_, select

from coordinator.extensions import db
from coordinator.kernel.access import Actor, Permission
from coordinator.kernel.areas import Area, AreaLevel
from coordinator.kernel.audit import AuditEntry
from coordinator.marketplace.rules import Rules

CHANGES_SHOWN = 5


def ruled_areas(actor: Actor) -> list[Area]:
    """Streets and communities in which the actor decides about claims, each street before its communities."""
    paths = actor.area_paths(Permission.CLAIM_DECIDE)
    if not paths:
        return []
    return list(
        db.session.scalars(
            select(Area)
            .where(
                or_(*(Area.path.startswith(path) for path in paths)),
                Area.level.in_((AreaLevel.STREET, AreaLevel.COMMUNITY)),
            )
            .order_by(Area.path)
        )
    )


def rules_of(area: Area) -> tuple[Rules, str | None]:
    """What holds in an area, and the name of the area that set it (None: nobody has). One query."""
    row = db.session.execute(
        select(Area.settings["claims"], Area.name)
        .where(Area.id.in_(area.ancestor_ids), Area.settings.has_key("claims"))
        .order_by(func.length(Area.path).desc())
        .limit(1)
    ).one_or_none()
    return (Rules(), None) if row is None else (Rules.of(row[0]), row[1])


def changes_of(area: Area) -> list[AuditEntry]:
    """The last changes of the rules here and above, newest first. One query."""
    return list(
        db.session.scalars(
            select(AuditEntry)
            .where(
                AuditEntry.object_type == Area.__tablename__,
                AuditEntry.object_id.in_(area.ancestor_ids),
                AuditEntry.action == "claims.set_rules",
            )
            .order_by(AuditEntry.id.desc())
            .limit(CHANGES_SHOWN)
        )
    )
