"""意愿: what the elder or the family wants, and the written note that a refusal needs."""

from __future__ import annotations

from datetime import date

from flask_babel import gettext as _

from coordinator.elders.labels import CONSENT_GIVERS, CONSENT_KINDS, CONSENT_STATES
from coordinator.elders.models import Consent, ConsentGiver, ConsentKind, ConsentState, Elder
from coordinator.elders.rules import ASK_AGAIN_AFTER, MAX_ASK_AGAIN
from coordinator.elders.services import versions
from coordinator.extensions import db
from coordinator.kernel import audit, clock
from coordinator.kernel.access import Actor, Permission, demand
from coordinator.kernel.errors import InvalidInput

NOTE_AT_LEAST = 6
STATES_OF = {
    ConsentKind.SERVICE: (ConsentState.ACCEPTED, ConsentState.REMOTE_ONLY, ConsentState.REFUSED),
    ConsentKind.HOME: (ConsentState.GRANTED, ConsentState.REFUSED),
}


def record_consent(
    actor: Actor,
    elder: Elder,
    kind: ConsentKind,
    state: ConsentState,
    *,
    given_by: ConsentGiver,
    given_on: date,
    channel: str,
    giver_name: str | None = None,
    explained_by: str | None = None,
    note: str | None = None,
    paper_id: int | None = None,
    ask_again_on: date | None = None,
) -> Consent:
    """Write down the wish; the former one is kept as superseded. Flushes.

    A refusal needs a note of what was explained and by whom (江民函〔2024〕18号: 做好书面工作记录), and a day
    on which to ask again (half a year later unless given). `paper_id` is one of the dossier's papers: the signed
    sheet. Raises InvalidInput, with the field.
    """
    demand(actor, Permission.ELDER_EDIT, elder.area.path)
    if state not in STATES_OF[kind]:
        raise InvalidInput(_("这项意愿没有这个答案。"), field="state")
    if given_on > clock.today():
        raise InvalidInput(_("表态的日期还没到。"), _("请填今天或以前的日期。"), field="given_on")
    if given_by is ConsentGiver.FAMILY and not (giver_name or "").strip():
        raise InvalidInput(_("家属代为表态的，要写明是谁。"), field="giver_name")
    note = (note or "").strip() or None
    if state is ConsentState.REFUSED and len(note or "") < NOTE_AT_LEAST:
        raise InvalidInput(
            _("长者不愿意时，要写明谁去解释了什么、长者怎样说。"),
            _("写清楚后再保存。"),
            code="refusal_needs_a_note",
            field="note",
        )
    if state in (ConsentState.ACCEPTED, ConsentState.GRANTED):
        ask_again_on = None
    else:
        ask_again_on = ask_again_on or given_on + ASK_AGAIN_AFTER
        if not given_on < ask_again_on <= given_on + MAX_ASK_AGAIN:
            raise InvalidInput(_("再次询问的日期要在表态后一年以内。"), field="ask_again_on")
    if paper_id is not None and paper_id not in {one.id for one in elder.papers}:
        raise InvalidInput(_("没有这份材料。"), field="paper_id")
    with versions.change(actor, elder):
        return _write(
            actor,
            elder,
            Consent(
                elder_id=elder.id,
                kind=kind,
                state=state,
                given_by=given_by,
                giver_name=(giver_name or "").strip() or None,
                given_on=given_on,
                channel=channel,
                explained_by=(explained_by or "").strip() or None,
                note=note,
                paper_id=paper_id,
                ask_again_on=ask_again_on,
                recorded_by_id=actor.user_id,
            ),
        )


def _write(actor: Actor, elder: Elder, consent: Consent) -> Consent:
    kind = consent.kind
    former = next((one for one in elder.consents if one.kind == kind), None)
    if former is not None:
        former.superseded_at = clock.now()
        # The index allows one current row per kind: the former goes first.
        db.session.flush()
    db.session.add(consent)
    db.session.flush()
    db.session.expire(elder, ["consents"])
    audit.record(
        actor,
        "elder.consent",
        elder,
        _(
            "%(kind)s：%(state)s（%(giver)s）",
            kind=CONSENT_KINDS[kind],
            state=CONSENT_STATES[consent.state],
            giver=CONSENT_GIVERS[consent.given_by],
        ),
        changes={kind.value: [former.state if former else None, consent.state.value]},
    )
    db.session.flush()
    return consent
