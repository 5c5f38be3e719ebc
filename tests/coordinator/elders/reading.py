"""Reading the dossier's pages as a browser does, and somebody said to live alone beside a son."""

import re
from datetime import UTC, date, datetime

from coordinator.elders import services
from coordinator.elders.models import Category
from coordinator.extensions import db
from coordinator.kernel.identity import check_character

TODAY = date(2026, 3, 26)
NOON = datetime(2026, 3, 26, 4, 0, tzinfo=UTC)
LONG_AGO = datetime(2025, 3, 1, tzinfo=UTC)
NUMBER = "510502194403020" + "22"
NUMBER += check_character(NUMBER)


def text_of(answer) -> str:
    return answer.get_data(as_text=True)


def token(page: str) -> str:
    return re.search(r'name="csrf_token" value="([^"]+)"', page).group(1)


def fields(page: str) -> dict[str, str]:
    """What a browser would send of the dossier form as it stands, as far as text and selects go."""
    found = {}
    for match in re.finditer(r"<input[^>]*>", page):
        tag = match.group(0)
        name = re.search(r'name="([^"]+)"', tag)
        value = re.search(r'value="([^"]*)"', tag)
        kind = re.search(r'type="([^"]+)"', tag)
        if not name or (kind and kind.group(1) in ("checkbox", "radio") and " checked" not in tag):
            continue
        found[name.group(1)] = value.group(1) if value else ""
    for match in re.finditer(r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', page, re.S):
        chosen = re.search(r'<option selected value="([^"]*)"', match.group(2))
        found[match.group(1)] = chosen.group(1) if chosen else ""
    for match in re.finditer(r'<textarea[^>]*name="([^"]+)"[^>]*>\s*(.*?)</textarea>', page, re.S):
        found[match.group(1)] = match.group(2)
    return found


def page_of(desk, elder, rest=""):
    return text_of(desk.get(f"/elders/{elder.id}{rest}"))


def edit_form(desk, elder, **over):
    return fields(page_of(desk, elder, "/edit")) | over


def make_alone(actor, tree, **over):
    elder = services.create_elder(
        actor,
        tree.community,
        {"name": "王素珍", "sex": "female", "birth_date": date(1944, 3, 2)},
        {"address": "建设路41号"},
        categories={Category.LIVING_ALONE: "入户核实"},
        category_sources={Category.LIVING_ALONE: "survey"},
        members=[{"name": "李小明", "relation": "儿子", "lives_in": True}],
        **over,
    )
    db.session.commit()
    return elder
