"""What a person who asks for a visit must pass: nothing against it, an adult beside a minor, no limit reached."""

from __future__ import annotations

from collections.abc import Sequence

from flask_babel import gettext as _

from coordinator.kernel import clock
from coordinator.kernel.access import Actor, Permission, demand
from coordinator.kernel.errors import Conflict, InvalidInput, NotFound
from coordinator.marketplace.duty import DutyWorker, duty_workers
from coordinator.marketplace.labels import WHY_NOT, Hidden
from coordinator.marketplace.models import Claim
from coordinator.marketplace.queries.asking import Asked, Gone, asked_for, asked_while_open
from coordinator.marketplace.queries.claims import can_accompany
from coordinator.marketplace.queries.market import findings, minor, needs_companion, obstacle
from coordinator.marketplace.queries.openings import Held, Opening, when_words
from coordinator.marketplace.queries.standing import Limit, Standing
from coordinator.marketplace.rules import Rules
from coordinator.marketplace.services.giving import own_duty, own_opening
from coordinator.messages.services import notify


def refuse_obstacles(worker: DutyWorker, opening: Opening, held: Sequence[Held], rules: Rules) -> None:
    """Raise Conflict with the code of what stands against the person."""
    why, _in_hours = obstacle(worker, opening, held, rules, clock.now())
    if why is not None:
        told = str(WHY_NOT[why])
        remedy = (
            _("急着要去的话，请打电话给社区。") if why == Hidden.SOON else _("请看看别的，或者问一问社区。")
        )
        raise Conflict(_("这次您不能去：%(why)s。", why=told), remedy, code=str(why))


def refuse_limit(standing: Standing, opening: Opening, rules: Rules, *, in_line: bool = False) -> None:
    """Raise Conflict when one more would break a limit."""
    limit = standing.reached(rules, opening.starts_at, opening.minutes, in_line=in_line)
    if limit is Limit.OPEN:
        raise Conflict(
            _("您已经有 %(n)s 次在等审批或排队。", n=standing.pending + standing.queued),
            _("等社区回复了再认领，或者先撤回一次。"),
            code="too_many_claims",
        )
    if limit is Limit.LINE:
        raise Conflict(
            _("您已经在 %(n)s 次探访后面排队。", n=standing.queued),
            _("先退出一次排队，再排这一次。"),
            code="too_many_places",
        )
    if limit is Limit.HOURS:
        raise Conflict(
            _(
                "加上这次，您今后 %(days)s 天里的探访会超过 %(hours)s 小时。",
                days=rules.ahead_days,
                hours=rules.hours_ahead,
            ),
            _("留一些给别人；做完几次，或者撤回一次，就可以再认领。"),
            code="too_many_hours",
        )


def asked_by(actor: Actor, visit_id: int) -> Asked:
    """The worker behind the actor and the visit, under the lock of that worker's claims. Raises NotFound."""
    demand(actor, Permission.WORK)
    found = asked_for(actor.worker_id or 0, visit_id)
    if found is None:
        raise _not_found(actor, visit_id)
    return found


def open_for(actor: Actor, visit_id: int) -> Asked | Gone:
    """The same for a visit that is open; of any other only that. Raises NotFound."""
    demand(actor, Permission.WORK)
    found = asked_while_open(actor.worker_id or 0, visit_id)
    if found is None:
        raise _not_found(actor, visit_id)
    return found


def _not_found(actor: Actor, visit_id: int) -> NotFound:
    """Which of the two it is takes two more queries, which nobody in a hurry ever needs."""
    own_opening(own_duty(actor), visit_id)
    return NotFound(_("没有找到这次探访。"), _("可能已经取消，或者不在您服务的地方。"))


def named_companion(worker: DutyWorker, opening: Opening, companion_id: int | None) -> DutyWorker | None:
    """Who goes along; None where nobody has to (a name given all the same is left out)."""
    if not needs_companion(worker, opening):
        return None
    if companion_id is None:
        if minor(worker, opening.day):
            raise Conflict(_("未成年人不能单独上门。"), _("请先选一位一起去的成年人。"), code="minor_alone")
        raise Conflict(_("这次要两个人一起去。"), _("请先选一位一起去的人。"), code="needs_two")
    companion = duty_workers([companion_id]).get(companion_id)
    if companion is None or companion.id == worker.id:
        raise InvalidInput(_("没有找到这位一起去的人。"), _("请重新选一位。"), field="companion")
    if minor(companion, opening.day):
        raise Conflict(
            _("一起去的人要是成年人。"), _("请重新选一位成年人。"), code="minor_alone", field="companion"
        )
    return companion


def check_companion(
    worker: DutyWorker, companion: DutyWorker, opening: Opening, held: dict[int, list[Held]]
) -> None:
    """Raise Conflict when the two may not go together."""
    if not can_accompany(companion, worker, opening, held[companion.id]):
        raise Conflict(
            _("%(name)s这次不能一起去。", name=companion.name),
            _("请换一位一起去的人。"),
            code="companion_unfit",
            field="companion",
        )
    for one in findings(worker, opening, held[worker.id], (companion,)):
        if one.hard:
            raise Conflict(one.message, one.remedy, code=one.code.value)


def ask_companion(claim: Claim, worker: DutyWorker, companion: DutyWorker | None, opening: Opening) -> None:
    """Ask the person who is to go along."""
    if companion is None or companion.user_id is None:
        return
    notify(
        [companion.user_id],
        _("%(name)s请您一起去探访", name=worker.name),
        _("%(when)s，%(place)s。请到“可认领”里回答。", when=when_words(opening), place=opening.community),
        "/open-visits",
        dedupe_key=f"claim-companion:{claim.id}",
    )
