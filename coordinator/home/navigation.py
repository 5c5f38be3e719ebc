"""`ui`: what the layouts show around a page. Everything is worked out when a layout asks for it, so that a fragment
or an error page costs no query; the badges and the unread count are one query together.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from flask import current_app, g, request, session, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.routing import BuildError

from coordinator.accounts.authentication import SignedIn
from coordinator.accounts.labels import ROLES
from coordinator.home import queries
from coordinator.kernel.access import Actor, Permission, Role, current_actor
from coordinator.kernel.i18n import select_locale

P = Permission
ELDER_SIZES = (18, 20, 24, 30)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a menu: shown when its endpoint exists and the actor holds its permission.

    `badge` names a count of `queries.badges`; `hot` marks it red (overdue and alerts only). `also` are addresses
    of other pages that belong to the entry, besides those below its own; * stands for one part.
    """

    endpoint: str
    label: Any
    icon: str
    permission: Permission
    badge: str = ""
    hot: bool = False
    also: tuple[str, ...] = ()


DESK: tuple[tuple[Entry, ...], ...] = (
    (
        Entry("home.index", _l("工作台"), "home", P.SIGNED_IN),
        Entry("visits.due", _l("应访清单"), "list", P.DUE_READ, badge="overdue", hot=True),
        Entry("visits.events", _l("节日与天气"), "flag", P.DUE_READ),
        Entry("planning.month", _l("月计划"), "cal", P.PLAN_READ),
        Entry("planning.city", _l("各街道计划"), "stack", P.PLAN_ORDER, also=("/planning/batches",)),
        Entry("planning.today", _l("日计划"), "route", P.PLAN_READ, also=("/planning/plans/*/days",)),
        Entry(
            "planning.shortages",
            _l("各街道缺口"),
            "chart",
            P.PLAN_ORDER,
            also=("/planning/plans/*/shortage",),
        ),
        Entry("marketplace.approvals", _l("审批"), "inbox", P.CLAIM_DECIDE, badge="claims"),
        Entry(
            "dropouts.index",
            _l("缺人与换人"),
            "swap",
            P.CLAIM_DECIDE,
            badge="dropouts",
            also=("/no-shows", "/visits/*/stand-in", "/visits/*/no-show"),
        ),
        Entry("visits.index", _l("探访"), "door", P.VISIT_READ),
        Entry("agenda.index", _l("通知"), "bell", P.CLAIM_DECIDE),
        Entry("fieldwork.records", _l("探访记录"), "file", P.RECORD_READ, badge="records"),
    ),
    (
        Entry("elders.index", _l("长者档案"), "elder", P.ELDER_READ),
        Entry("register.index", _l("摸排与核对"), "search", P.ELDER_EDIT, badge="register"),
        Entry("workforce.index", _l("队伍"), "team", P.WORKER_READ),
        Entry("joining.admission", _l("报名审核"), "shield", P.WORKER_EDIT, badge="admission"),
    ),
    (
        Entry("hours.inbox", _l("学校核验"), "school", P.HOURS_VERIFY, badge="verifications"),
        Entry("hours.students", _l("学生时数"), "clock", P.STUDENT_READ),
        Entry("workforce.students", _l("学生名单"), "people", P.STUDENT_READ),
        Entry("workforce.roster", _l("本单位人员"), "team", P.ROSTER_READ),
        Entry("visits.on_duty", _l("谁在岗"), "cal", P.ROSTER_EDIT),
        Entry("hours.staff", _l("单位时数"), "clock", P.ROSTER_READ),
        Entry("joining.roster_invitations", _l("邀请链接"), "plus", P.ROSTER_EDIT),
        Entry("hours.index", _l("时数"), "clock", P.HOURS_READ),
        Entry("hours.certificates", _l("记录证明"), "cert", P.HOURS_READ),
        Entry("supervision.coverage", _l("月探访率"), "chart", P.COVERAGE_READ),
        Entry("visits.rules", _l("规则与依据"), "book", P.POLICY_READ),
    ),
    (
        Entry("accounts.index", _l("账号"), "user", P.ACCOUNT_MANAGE),
        Entry("accounts.organisations", _l("单位"), "school", P.ACCOUNT_MANAGE),
    ),
)
# one's own pages lie below 账号 and 通知 and are none of either
OWN_PAGES = ("/accounts/me", "/accounts/password", "/accounts/second-factor", "/agenda/feeds")
PHONE: tuple[Entry, ...] = (
    Entry(
        "fieldwork.today",
        _l("今天"),
        "door",
        P.WORK,
        also=("/my-visits", "/planning/questions", "/register/doors"),
    ),
    Entry("marketplace.open_visits", _l("可认领"), "plus", P.WORK),
    Entry("hours.mine", _l("时数"), "clock", P.OWN_HOURS),
    Entry(
        "accounts.me",
        _l("我的"),
        "user",
        P.SIGNED_IN,
        badge="unread",
        also=("/accounts", "/messages", "/workforce/me", "/agenda", "/join", "/reliability"),
    ),
)


def exists(endpoint: str) -> bool:
    """Is there such a page, opened without arguments?"""
    rules = current_app.url_map._rules_by_endpoint.get(endpoint, ())
    return any("GET" in (rule.methods or ()) and rule.arguments <= set(rule.defaults or ()) for rule in rules)


def link(endpoint: str, **values: Any) -> str:
    """The address of a page, or '' when the feature is not there (or takes other arguments)."""
    try:
        return url_for(endpoint, **values)
    except BuildError:
        return ""


class Ui:
    """The context of the layouts (docs/look.md)."""

    @property
    def _person(self) -> SignedIn | None:
        person: SignedIn | None = g.get("person")
        return person

    @property
    def _actor(self) -> Actor:
        return current_actor()

    @property
    def role_kind(self) -> str:
        """'worker' for people who only visit; everybody else sits at a desk."""
        roles = {grant.role for grant in self._actor.grants}
        return "worker" if roles and roles <= {Role.WORKER, Role.FAMILY} else "desk"

    @property
    def lang(self) -> str:
        return "en" if select_locale() == "en" else "zh-CN"

    @property
    def elder_mode(self) -> bool:
        return self._person.elder_mode if self._person else bool(session.get("elder_mode"))

    @property
    def elder_size(self) -> int:
        return self._person.elder_size if self._person else session.get("elder_size", 20)

    @property
    def home_href(self) -> str:
        return "/"

    @property
    def sign_out_href(self) -> str:
        return url_for("accounts.sign_out") if self._person else ""

    @property
    def username(self) -> str:
        return self._person.username if self._person else ""

    @property
    def user(self) -> dict[str, Any] | None:
        if self._person is None:
            return None
        main = self._actor.main_role
        return {"name": self._person.name, "role_label": str(ROLES[main]) if main else ""}

    @property
    def roles_text(self) -> str:
        """All roles of the person in words."""
        return "、".join(dict.fromkeys(str(ROLES[grant.role]) for grant in self._actor.grants))

    @property
    def account_items(self) -> list[dict[str, Any]]:
        items = [{"href": url_for("accounts.me"), "icon": "user", "label": _("我的账号")}]
        if self._actor.worker_id is not None and self.role_kind == "desk" and exists("fieldwork.today"):
            items.append({"href": url_for("fieldwork.today"), "icon": "door", "label": _("我的探访")})
        return items

    @property
    def messages_href(self) -> str:
        return url_for("messages.inbox") if self._person else ""

    @property
    def search_href(self) -> str:
        return url_for("home.search") if self._actor.may(P.ELDER_EDIT) else ""

    @property
    def search_value(self) -> str:
        return request.args.get("q", "") if request.endpoint == "home.search" else ""

    @cached_property
    def badges(self) -> dict[str, int]:
        """Counts beside menu entries; `unread` among them. One query."""
        return queries.badges(self._actor) if self._person else {}

    @property
    def unread(self) -> int:
        return self.badges.get("unread", 0)

    @property
    def area_name(self) -> str:
        """Where the person acts: the area, or the organisation, of the first role that has one."""
        return str(g.get("place", ""))

    @cached_property
    def nav(self) -> list[list[dict[str, Any]]]:
        if self._person is None:
            return []
        groups = (PHONE,) if self.role_kind == "worker" else DESK
        shown = [[self._item(entry) for entry in group if self._shows(entry)] for group in groups]
        _mark_current([item for group in shown for item in group], OWN_PAGES if groups is DESK else ())
        return [group for group in shown if group]

    @cached_property
    def phone_nav(self) -> list[dict[str, Any]]:
        """The bar below a phone page. Who sits at a desk and visits too finds the way back to the desk in it."""
        if self._person is None:
            return []
        desk = () if self.role_kind == "worker" else DESK[0][:1]
        shown = [self._item(entry) for entry in (*desk, *PHONE) if self._shows(entry)]
        _mark_current(shown)
        return shown

    def _shows(self, entry: Entry) -> bool:
        return self._actor.may(entry.permission) and exists(entry.endpoint)

    def _item(self, entry: Entry) -> dict[str, Any]:
        return {
            "endpoint": entry.endpoint,
            "href": url_for(entry.endpoint),
            "label": str(entry.label),
            "icon": entry.icon,
            "badge": self.badges.get(entry.badge, 0) if entry.badge else 0,
            "hot": entry.hot,
            "current": False,
            "pages": (url_for(entry.endpoint), *entry.also),
        }


def _mark_current(items: list[dict[str, Any]], nobody: tuple[str, ...] = ()) -> None:
    """Mark the entry to which the page belongs: the one with the longest address that the page's continues.
    Pages below an address of `nobody` belong to no entry."""
    here = request.path.rstrip("/").split("/")
    own: dict[str, Any] = {"pages": nobody}
    best: dict[str, Any] | None = None
    length = 0
    for item in (own, *items):
        for page in item["pages"]:
            stem = page.rstrip("/").split("/")
            fits = all(part in ("*", there) for part, there in zip(stem, here, strict=False))
            whole = len(stem) == len(here) if len(stem) == 1 else len(stem) <= len(here)
            if fits and whole and len(stem) > length:
                best, length = item, len(stem)
    if best is not None:
        best["current"] = True
