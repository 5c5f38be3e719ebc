"""认领规则: how much one person may ask for, and what is approved without a person."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from coordinator.extensions import db
from coordinator.kernel.access import Permission, current_actor, requires
from coordinator.kernel.areas import Area
from coordinator.kernel.errors import DomainError, NotFound
from coordinator.marketplace.forms import RulesForm
from coordinator.marketplace.labels import AUTO_WHY
from coordinator.marketplace.queries.auto import PREVIEW_DAYS, preview
from coordinator.marketplace.queries.ruled import changes_of, ruled_areas, rules_of
from coordinator.marketplace.rules import AutoRule, Rules
from coordinator.marketplace.services import set_rules
from coordinator.marketplace.views.blueprint import bp


@bp.route("/approvals/rules", methods=("GET", "POST"))
@requires(Permission.CLAIM_DECIDE)
def claim_rules() -> Any:
    """The rules of one area of the coordinator's. `look` shows what they would do, without setting them."""
    actor = current_actor()
    areas = ruled_areas(actor)
    area = _chosen(areas)
    rules, source = rules_of(area)
    form = RulesForm(data=_typed(rules))
    if form.is_submitted() and form.validate():
        if "look" in request.form:
            return _page(areas, area, source, form, _wished(rules, form), looked=True)
        try:
            after = set_rules(actor, area, form.figures(), form.auto_on.data)
            db.session.commit()
        except DomainError as problem:
            db.session.rollback()
            form.take(problem)
        else:
            flash(
                _("%(area)s的规则记下了，现在是第 %(n)s 版。", area=area.name, n=after.auto.version)
                if after != rules
                else _("没有改动。"),
                "ok",
            )
            return redirect(url_for("marketplace.claim_rules", area=area.id), 303)
    return _page(areas, area, source, form, rules), 422 if form.is_submitted() else 200


def _chosen(areas: list[Area]) -> Area:
    wanted = request.args.get("area", type=int)
    found = next((one for one in areas if one.id == wanted), None if wanted else next(iter(areas), None))
    if found is None:
        raise NotFound(_("没有找到这个社区。"), _("可能不在您的管辖范围内。"))
    return found


def _typed(rules: Rules) -> dict[str, Any]:
    values = {name: value for name, value in rules.as_dict().items() if name != "auto"}
    auto = rules.as_dict()["auto"]
    return values | auto | {"auto_on": auto["on"]}


def _wished(rules: Rules, form: RulesForm) -> Rules:
    figures = form.figures()
    auto = AutoRule(
        on=form.auto_on.data,
        visits_here=figures["visits_here"],
        visits_around=figures["visits_around"],
        lead_hours=figures["lead_hours"],
        version=rules.auto.version,
    )
    return replace(rules, auto=auto)


def _page(
    areas: list[Area],
    area: Area,
    source: str | None,
    form: RulesForm,
    rules: Rules,
    *,
    looked: bool = False,
) -> str:
    return render_template(
        "marketplace/rules.html",
        areas=areas,
        area=area,
        source=source,
        form=form,
        rules=rules,
        looked=looked,
        days=PREVIEW_DAYS,
        preview=preview(area.path, rules.auto),
        reasons=AUTO_WHY,
        changes=changes_of(area),
    )
