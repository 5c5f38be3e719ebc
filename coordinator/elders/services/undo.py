"""Taking back a leaving that was written down by mistake: as if it had not been, unlike a return."""

from __future__ import annotations

from datetime import timedelta

from flask_babel import gettext as _

from coordinator.elders.models import Elder, ElderStatus
from coordinator.elders.services import versions
from coordinator.elders.services.checks import flush
from coordinator.kernel import audit, clock
from coordinator.kernel.access import Actor, Permission, demand
from coordinator.kernel.errors import Conflict, InvalidInput

# Later than this somebody has come back: that is a return, with a new day of enrolment.
UNDO_WITHIN = timedelta(days=31)


def undo_end(actor: Actor, elder: Elder, reason: str) -> None:
    """The elder never left: active again since the same day of enrolment, and owed what was always owed. Flushes.

    Raises Conflict for somebody who is active, whose dossier was merged, or who left more than a month ago;
    InvalidInput without a reason.
    """
    demand(actor, Permission.ELDER_EDIT, elder.area.path)
    if elder.status is ElderStatus.ACTIVE:
        raise Conflict(_("这位长者本来就在册。"), code="active")
    if elder.status is ElderStatus.MERGED:
        raise Conflict(_("这份档案已经并入另一份。"), _("请打开保留的那一份。"), code="merged")
    if elder.left_on is not None and elder.left_on + UNDO_WITHIN < clock.today():
        raise Conflict(
            _("离册已经超过一个月，不能当作登记错误。"), _("如果又回来了，请“重新列入”。"), code="too_late"
        )
    text = " ".join(reason.split())
    if len(text) < 2:
        raise InvalidInput(_("请写明为什么改回来。"), field="reason")
    former = elder.status
    with versions.change(actor, elder):
        elder.status = ElderStatus.ACTIVE
        elder.left_on = None
        audit.record(
            actor,
            "elder.end_undone",
            elder,
            _("撤销%(name)s的离册登记：%(reason)s", name=elder.name, reason=text),
            changes={"status": [former.value, "active"]},
        )
        flush()
