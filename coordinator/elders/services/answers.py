"""Answering the question that a category raises against the facts."""

from __future__ import annotations

from flask_babel import gettext as _

from coordinator.elders.models import CategoryAnswer, Elder
from coordinator.elders.queries.categories import CategoryLine
from coordinator.extensions import db
from coordinator.kernel import audit
from coordinator.kernel.access import Actor, Permission, demand
from coordinator.kernel.errors import Conflict, InvalidInput


def answer_question(actor: Actor, elder: Elder, line: CategoryLine, reason: str) -> CategoryAnswer:
    """Note why the record is right although the facts seem to say otherwise (情况属实，因为…). It is not asked
    again until the facts change. Flushes."""
    demand(actor, Permission.ELDER_EDIT, elder.area.path)
    if not line.differs:
        raise Conflict(_("这一类已经和家庭情况对得上，不用再说明。"))
    if len(reason.strip()) < 4:
        raise InvalidInput(_("请写明原因。"), field="reason")
    answer = CategoryAnswer(
        elder_id=elder.id,
        category=line.key,
        recorded=line.recorded,
        facts_sha256=line.facts_sha256,
        reason=reason.strip(),
        user_id=actor.user_id,
        actor_name=actor.name,
    )
    db.session.add(answer)
    audit.record(actor, "elder.category_answer", elder, _("说明了“%(name)s”属实", name=line.name))
    db.session.flush()
    return answer
