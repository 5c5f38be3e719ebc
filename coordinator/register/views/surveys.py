"""摸排 for coordinators: the overview, the list of a survey, giving out, writing down, closing, paper."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from coordinator.accounts.models import User
from coordinator.elders import labels as dossier_labels
from coordinator.elders.dossier_form import blank_form, read_form
from coordinator.elders.models import Elder
from coordinator.elders.queries import read_scope
from coordinator.elders.services import create_elder
from coordinator.extensions import db
from coordinator.kernel import audit, clock
from coordinator.kernel.access import current_actor, requires
from coordinator.kernel.areas import AreaLevel
from coordinator.kernel.downloads import send_pdf
from coordinator.kernel.errors import InvalidInput, NotFound
from coordinator.kernel.forms import attempt, options, outcome, status_of
from coordinator.kernel.listing import Listing
from coordinator.register import labels
from coordinator.register.forms import AT_DOOR, AT_HOME, CloseForm, ItemForm, PersonForm, SurveyForm
from coordinator.register.models import Outcome, Survey, SurveyItem, SurveyKind
from coordinator.register.printing import survey_sheet
from coordinator.register.queries.doubles import likely_pairs
from coordinator.register.queries.moves import moves_of
from coordinator.register.queries.sources import source_overview
from coordinator.register.queries.survey_items import (
    ITEMS,
    TABS,
    item_in_scope,
    item_rows,
    item_view,
    views_of,
)
from coordinator.register.queries.surveys import (
    assignees,
    homes_without_answer,
    missing_from_list,
    progress_by_place,
    serving_workers,
    survey_in_scope,
    surveys_of,
    whole,
)
from coordinator.register.services import surveys as services
from coordinator.register.views.blueprint import Answer, P, bp


@bp.get("")
@requires(P.ELDER_EDIT)
def index() -> Answer:
    """What there is to do on the register."""
    actor = current_actor()
    return render_template(
        "register/index.html",
        surveys=surveys_of(actor),
        sources=source_overview(actor),
        pairs=len(likely_pairs(actor)),
        moves=[one for one in moves_of(actor) if one.state == "requested"],
    )


@bp.route("/surveys/new", methods=["GET", "POST"])
@requires(P.ELDER_EDIT)
def new_survey() -> Answer:
    """Open a survey."""
    actor = current_actor()
    scope = read_scope(actor, P.ELDER_EDIT)
    form = SurveyForm(kind=SurveyKind.RENEWAL)
    streets = [(str(one.id), one.name) for one in scope.level(AreaLevel.STREET)]
    form.area_id.choices = options([*streets, *scope.choices()])
    made: list[Survey] = []

    def act() -> None:
        area = scope.areas[int(form.area_id.data)]
        made.append(services.open_survey(actor, area, SurveyKind(form.kind.data), form.due_on.data))

    if attempt(form, act):
        flash(_("清单已经列好。下一步把每一户交给人去。"), "ok")
        return redirect(url_for("register.survey", survey_id=made[0].id), 303)
    return render_template("register/survey_new.html", form=form), status_of(form)


@bp.get("/surveys/<int:survey_id>")
@requires(P.ELDER_EDIT)
def survey(survey_id: int) -> Answer:
    """The list of a survey with its progress."""
    actor = current_actor()
    found = survey_in_scope(actor, survey_id)
    parts = progress_by_place(found)
    places = [("-", _("没有网格")) if one.place == "" else (one.place, one.place) for one in parts]
    listing = Listing.read(
        ITEMS, request.args, request.path, choices={"place": places, "who": assignees(found)}
    )
    page = listing.fetch(db.session, item_rows(found), scalars=False)
    shown = views_of([row[0] for row in page.rows])
    who = {row[0].id: row[1] for row in page.rows}
    return render_template(
        "register/survey.html",
        survey=found,
        parts=parts,
        total=whole(parts),
        listing=listing,
        page=page,
        items=shown,
        who=who,
        tabs_of=TABS,
        homes=homes_without_answer(found),
        missing=missing_from_list(found) if found.closed_at is None else 0,
        workers=[(one.id, one.name) for one in serving_workers(found)] if found.closed_at is None else [],
    )


@bp.post("/surveys/<int:survey_id>/assign")
@requires(P.ELDER_EDIT)
def assign(survey_id: int) -> Answer:
    """Give the ticked doors, or all of the filtered list, to a worker, to oneself, or to somebody by name."""
    actor = current_actor()
    found = survey_in_scope(actor, survey_id)
    if request.form.get("all") == "1":
        listing = Listing.read(ITEMS, request.form, request.path)
        ids = [row[0].id for row in db.session.execute(listing.filtered(item_rows(found)))]
    else:
        ids = [int(one) for one in request.form.getlist("id") if one.isdigit()]
    to = request.form.get("to", "")
    worker = None
    if to.isdigit():
        worker = next((one for one in serving_workers(found) if one.id == int(to)), None)
        if worker is None:
            raise NotFound(_("没有找到这位人员。"))
    try:
        count = services.assign_items(
            actor,
            found,
            ids,
            worker=worker,
            user=db.session.get(User, actor.user_id) if to == "me" else None,
            name=request.form.get("name", "") if to == "name" else "",
        )
    except InvalidInput as problem:
        db.session.rollback()
        flash(f"{problem.message}{problem.remedy}", "warn")
    else:
        db.session.commit()
        flash(_("已经交出 %(n)s 户。", n=count), "ok")
    return redirect(url_for("register.survey", survey_id=survey_id), 303)


@bp.post("/surveys/<int:survey_id>/complete")
@requires(P.ELDER_EDIT)
def complete_list(survey_id: int) -> Answer:
    """Add what has come up since the list was made."""
    actor = current_actor()
    count = services.complete_list(actor, survey_in_scope(actor, survey_id))
    db.session.commit()
    flash(_("补进清单 %(n)s 项。", n=count), "ok")
    return redirect(url_for("register.survey", survey_id=survey_id), 303)


@bp.route("/surveys/<int:survey_id>/close", methods=["GET", "POST"])
@requires(P.ELDER_EDIT)
def close_survey(survey_id: int) -> Answer:
    """Close it, with a reason for what stays without an answer."""
    actor = current_actor()
    found = survey_in_scope(actor, survey_id)
    form = CloseForm()

    def act() -> None:
        if (form.reason.data or "").strip():
            services.leave_open(actor, found, None, form.reason.data or "")
        services.close_survey(actor, found)

    if attempt(form, act):
        flash(_("摸排已经结束。"), "ok")
        return redirect(url_for("register.survey", survey_id=survey_id), 303)
    found = survey_in_scope(actor, survey_id)
    page = render_template(
        "register/survey_close.html",
        form=form,
        survey=found,
        total=whole(progress_by_place(found)),
        homes=homes_without_answer(found),
    )
    return page, status_of(form)


@bp.route("/surveys/<int:survey_id>/people", methods=["GET", "POST"])
@requires(P.ELDER_EDIT)
def add_person(survey_id: int) -> Answer:
    """Add somebody met on the way."""
    actor = current_actor()
    found = survey_in_scope(actor, survey_id)
    scope = read_scope(actor, P.ELDER_EDIT)
    inside = [one for one in scope.communities if one.path.startswith(found.area.path)]
    form = PersonForm()
    form.area_id.choices = options([(str(one.id), one.name) for one in inside])

    def act() -> None:
        services.add_person(
            actor,
            found,
            scope.areas[int(form.area_id.data)],
            form.name.data or "",
            form.address.data or "",
            form.phone.data or "",
            form.place.data or "",
        )

    if attempt(form, act):
        flash(_("已经加进清单。"), "ok")
        return redirect(url_for("register.survey", survey_id=survey_id, tab="new"), 303)
    return render_template("register/survey_person.html", form=form, survey=found), status_of(form)


def item_form(item: SurveyItem) -> ItemForm:
    """The form of a door with the answers it may have."""
    form = ItemForm(version=str(item.version))
    form.outcome.choices = options(AT_HOME if item.household_id is not None else AT_DOOR)
    return form


def decide(item: SurveyItem, form: ItemForm) -> bool:
    """Write the answer of the form down; a refusal stands in it, and the next save is a decision."""

    def act() -> None:
        services.decide_item(
            current_actor(),
            item,
            Outcome(form.outcome.data),
            version=int(form.version.data or 0),
            note=form.note.data or "",
            next_try_on=form.next_try_on.data,
        )

    if attempt(form, act):
        return True
    if form.is_submitted():
        # What the page shows now was seen; saving again means it.
        version = db.session.get_one(SurveyItem, item.id).version
        form.version.data = str(version)
    return False


@bp.route("/items/<int:item_id>", methods=["GET", "POST"])
@requires(P.ELDER_EDIT)
def item(item_id: int) -> Answer:
    """One door: what is known, what was found, what comes next."""
    actor = current_actor()
    found = item_in_scope(actor, item_id)
    form = item_form(found)
    if decide(found, form):
        return redirect(_next_page(item_in_scope(actor, item_id)), 303)
    if form.is_submitted():
        found = item_in_scope(actor, item_id)
    (view,) = views_of([found])
    page = render_template("register/item.html", form=form, view=view, item=found, follow=follow_href(view))
    return page, status_of(form)


def follow_href(view: Any) -> str:
    """The page that the outcome asks for, filled in."""
    one: SurveyItem = view.item
    if view.follow == "leave":
        status = labels.LEAVES[one.outcome or ""]
        return url_for("register.leave", elder_id=one.elder_id, status=status, item=one.id)
    if view.follow == "refusal":
        return url_for("elders.consent", elder_id=one.elder_id, kind="service")
    if view.follow == "dossier":
        return url_for("register.new_dossier", item_id=one.id)
    return ""


def _next_page(found: SurveyItem) -> str:
    (view,) = views_of([found])
    target = follow_href(view)
    if target:
        flash(_("已经记下。请接着把这一页办完。"), "ok")
        return target
    flash(_("已经记下。"), "ok")
    return url_for("register.survey", survey_id=found.survey_id)


@bp.route("/items/<int:item_id>/dossier", methods=["GET", "POST"])
@requires(P.ELDER_EDIT)
def new_dossier(item_id: int) -> Answer:
    """Open the dossier of somebody who had none, filled in with what is known."""
    actor = current_actor()
    found = item_in_scope(actor, item_id)
    view = item_view(found)
    if view.kind not in ("record", "person") or found.new_elder_id is not None:
        raise NotFound(_("这一项不用建档。"), _("请回到清单。"))
    scope = read_scope(actor, P.ELDER_EDIT)
    form = blank_form(scope.choices())
    if request.method == "GET":
        _prefill(form, found, view)

    def open_dossier() -> Elder:
        area = next((one for one in scope.communities if str(one.id) == form.area_id.data), None)
        if area is None:
            raise NotFound(_("没有这个社区。"))
        elder: Elder = create_elder(actor, area, **read_form(form, None).for_creation())
        services.link_new_elder(actor, found, elder)
        return elder

    elder = outcome(form, open_dossier)
    if elder is not None:
        flash(_("已为%(name)s建档。下一步请问清意愿。", name=elder.name), "ok")
        return redirect(url_for("elders.dossier", elder_id=elder.id), 303)
    centre = (found.area.latitude, found.area.longitude) if found.area.latitude is not None else None
    page = render_template(
        "register/new_dossier.html",
        form=form,
        e=None,
        differences=(),
        others=(),
        labels=dossier_labels,
        place=None,
        centre=centre,
    )
    return page, status_of(form)


def _prefill(form: Any, found: SurveyItem, view: Any) -> None:
    """What the list or the talk at the door has said; the rest is asked."""
    values = found.record.values if found.record is not None else found.person
    form.area_id.data = str(found.area_id) if found.area.level is AreaLevel.COMMUNITY else ""
    form.name.data = view.name
    form.address.data = view.address
    for key in ("id_number", "phone", "sex"):
        if values.get(key):
            form[key].data = values[key]
    form.birth_date.data = view.birth_date
    if values.get("ability_level") is not None:
        form.ability_level.data = str(values["ability_level"])
    if values.get("economic_status"):
        form.economic_status.data = values["economic_status"]


@bp.get("/surveys/<int:survey_id>/print.pdf")
@requires(P.SHEET_PRINT)
def print_survey(survey_id: int) -> Answer:
    """The list on A4, as the address narrows it; who printed it is recorded."""
    actor = current_actor()
    found = survey_in_scope(actor, survey_id, P.SHEET_PRINT)
    places = [(one.place or "-", one.place) for one in progress_by_place(found)]
    listing = Listing.read(
        ITEMS, request.args, request.path, choices={"place": places, "who": assignees(found)}
    )
    rows = db.session.execute(
        listing.filtered(item_rows(found)).order_by(SurveyItem.place, SurveyItem.id)
    ).all()
    sheet = survey_sheet(found, [(item_view(row[0]), row[1]) for row in rows], actor.name, clock.today())
    audit.record(
        actor,
        "survey.print",
        found,
        _("打印摸排清单，%(n)s 项", n=len(rows)),
        changes={"items": [None, [row[0].id for row in rows]]},
    )
    db.session.commit()
    return send_pdf(sheet, _("摸排清单"))
