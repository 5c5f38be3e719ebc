"""Calendar feeds: making and taking back addresses, and what a calendar program reads there."""

from __future__ import annotations

import base64
import hashlib
import io
from typing import Any

import segno
from flask import Response, flash, g, redirect, render_template, request, url_for
from flask_babel import force_locale
from flask_babel import gettext as _
from werkzeug.wrappers import Response as Redirect

from coordinator import __version__
from coordinator.agenda import labels
from coordinator.agenda.access import organisation_ids, still_reads
from coordinator.agenda.calendar import render
from coordinator.agenda.forms import FeedForm
from coordinator.agenda.models import CalendarFeed, FeedKind
from coordinator.agenda.queries.entries import entries_of, organisations_of
from coordinator.agenda.queries.feeds import feeds_of, find_feed, hash_of
from coordinator.agenda.queries.unreached import areas_for
from coordinator.agenda.services import make_feed, revoke_feed
from coordinator.agenda.views.blueprint import bp
from coordinator.extensions import db
from coordinator.kernel.access import Permission, current_actor, requires
from coordinator.kernel.errors import NotFound
from coordinator.kernel.forms import options, outcome
from coordinator.kernel.limits import limit
from coordinator.messages.channels import absolute_link

# A calendar program asks hourly at most; 40 leave room for a family of devices.
READS = "40/hour"
WRONG_ADDRESSES = "30/15 minutes"


@bp.route("/feeds", methods=["GET", "POST"])
@requires(Permission.SIGNED_IN)
def feeds() -> Any:
    """One's calendar addresses. A new one is shown once, with a picture for the telephone."""
    actor = current_actor()
    organisations = {f"organisation-{one.id}": one for one in organisations_of(organisation_ids(actor))}
    areas = {f"area-{one.id}": one for one in areas_for(actor, Permission.VISIT_READ)}
    form = FeedForm()
    choices = [("own", labels.FEEDS[FeedKind.OWN])] if actor.may(Permission.WORK) else []
    choices += [(key, _("%(name)s：本单位人员的探访", name=one.name)) for key, one in organisations.items()]
    choices += [(key, _("%(name)s：全部探访", name=one.name)) for key, one in areas.items()]
    form.what.choices = options(choices)

    def act() -> str:
        what = form.what.data or ""
        kind = FeedKind(what.partition("-")[0])
        return make_feed(actor, kind, organisation=organisations.get(what), area=areas.get(what))[1]

    token = outcome(form, act) if choices else None
    page = render_template(
        "agenda/feeds.html",
        form=form if choices else None,
        feeds=feeds_of(actor),
        made=_shown(token) if token is not None else None,
    )
    return (page, 422) if form.errors else page


def _shown(token: str) -> dict[str, str]:
    address = absolute_link(url_for("agenda.feed", token=token))
    picture = io.BytesIO()
    segno.make(address, error="m").save(picture, kind="svg", scale=4, border=3)
    encoded = base64.b64encode(picture.getvalue()).decode()
    return {
        "address": address,
        "webcal": "webcal://" + address.partition("://")[2],
        "picture": f"data:image/svg+xml;base64,{encoded}",
    }


@bp.post("/feeds/<int:feed_id>/revoke")
@requires(Permission.SIGNED_IN)
def revoke(feed_id: int) -> Redirect:
    """Take an address back."""
    revoke_feed(current_actor(), feed_id)
    db.session.commit()
    flash(_("已停用，用这个地址的日历不会再更新。"), "ok")
    return redirect(url_for("agenda.feeds"), 303)


@bp.get("/feeds/<token>.ics")
@requires(Permission.PUBLIC)
def feed(token: str) -> Response:
    """The calendar itself. The secret in the address is all that is asked for; it reads nothing but this.

    Unchanged it is answered with 304 (ETag, Last-Modified).
    """
    limit(f"calendar:{hash_of(token).hex()[:24]}", READS)
    found = find_feed(token)
    if found is None or not still_reads(found, found.user):
        limit(f"calendar-miss:{request.remote_addr}", WRONG_ADDRESSES)
        raise NotFound(_("没有这个日历地址。"), _("可能已经停用了，请在系统里重新生成。"))
    g.locale = found.user.locale
    with force_locale(found.user.locale):
        entries = entries_of(found)
        name, base_url = _name(found), absolute_link("")
        response = Response(mimetype="text/calendar")
        # Of the entries rather than of the text, which takes ten times as long to write.
        response.set_etag(
            hashlib.sha256(repr((__version__, name, base_url, entries)).encode()).hexdigest()[:32]
        )
        if entries:
            response.last_modified = max(one.changed_at for one in entries)
        response.make_conditional(request)
        if response.status_code != 304:
            response.data = render(name, entries, base_url)
    response.headers["Content-Disposition"] = 'inline; filename="tanfang.ics"'
    return response


def _name(found: CalendarFeed) -> str:
    if found.kind is FeedKind.AREA and found.area is not None:
        return _("探访 %(place)s", place=found.area.name)
    if found.kind is FeedKind.ORGANISATION and found.organisation is not None:
        return _("探访 %(place)s", place=found.organisation.name)
    return _("我的探访")
