"""Every layout and macro renders as valid HTML that the content security policy allows, in all display modes."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import html5lib
import pytest
from flask import Flask

from tests.coordinator.look.gallery import PAGES, ROOT, create_gallery

MODES = ("", "mode=18", "mode=30")
VARIANTS = (
    "list?open=3",
    "list?status=overdue&community=柳岸社区&q=王&dense=1",
    "list?q=没有这个人",
    "form?bad=1",
    "list?flash=1",
    "plan?poll=1",
)


@pytest.fixture(scope="module")
def gallery() -> Flask:
    """The gallery, where an undefined variable that a template prints is an error only when it is used."""
    return create_gallery()


def tree(html: str) -> ET.Element:
    """Parse strictly: the first parse error raises."""
    element: ET.Element = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(html)
    return element


def page(gallery: Flask, path: str) -> str:
    answer = gallery.test_client().get(f"/{path}")
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def all_paths() -> list[str]:
    """Every page in every mode, and the variants."""
    return [f"{name}?{mode}" for name in PAGES for mode in MODES] + list(VARIANTS)


@pytest.mark.parametrize("path", all_paths())
def test_page_is_valid_and_allowed(gallery: Flask, path: str) -> None:
    document = tree(page(gallery, path))
    elements = list(document.iter())
    ids = [e.get("id") for e in elements if e.get("id")]
    assert len(ids) == len(set(ids)), sorted(i for i in ids if ids.count(i) > 1)
    for e in elements:
        forbidden = [name for name in e.attrib if name == "style" or name.startswith(("on", "hx-on"))]
        assert not forbidden, (e.tag, forbidden)
        if e.tag == "script":
            assert e.get("src")
            assert e.get("nonce")
        if e.tag == "form":
            assert e.get("method") != "post" or e.find(".//input[@name='csrf_token']") is not None, e.attrib
    assert document.find(".//title").text.endswith(" · 探访")  # type: ignore[union-attr]
    assert [e for e in elements if e.tag == "main" and e.get("id") == "main"]
    assert len([e for e in elements if e.tag == "h1"]) == 1


@pytest.mark.parametrize("path", all_paths())
def test_everything_that_is_operated_has_a_name(gallery: Flask, path: str) -> None:
    document = tree(page(gallery, path))
    labelled = {e.get("for") for e in document.iter("label")}
    inside = {
        id(child) for e in document.iter("label") for child in e.iter() if "".join(e.itertext()).strip()
    }
    for e in document.iter():
        if e.tag in ("input", "select", "textarea") and e.get("type") not in ("hidden", "submit"):
            assert e.get("aria-label") or e.get("id") in labelled or id(e) in inside, e.attrib
        if e.tag in ("button", "a", "summary"):
            text = "".join(t for t in e.itertext()).strip()
            assert text or e.get("aria-label") or any(c.get("aria-label") for c in e.iter()), e.attrib


def test_described_fields_point_at_existing_texts(gallery: Flask) -> None:
    document = tree(page(gallery, "form?bad=1"))
    ids = {e.get("id") for e in document.iter()}
    described = [e for e in document.iter() if e.get("aria-describedby")]
    assert len(described) >= 6
    for e in described:
        assert set(e.get("aria-describedby", "").split()) <= ids
    errors = document.find(".//*[@id='errors']")
    assert errors is not None
    links = [a.get("href", "")[1:] for a in errors.iter("a")]
    assert links
    assert set(links) <= ids


def test_refused_form_keeps_what_was_typed(gallery: Flask) -> None:
    html = page(gallery, "form?bad=1")
    assert 'value="51050219440302001"' in html
    assert 'aria-invalid="true"' in html


def test_quotation_marks_the_deciding_words_in_order(gallery: Flask) -> None:
    document = tree(page(gallery, "components"))
    quotation = document.find(".//blockquote")
    assert quotation is not None
    assert [m.text for m in quotation.iter("mark")] == ["高龄独居", "每半月至少上门探访服务1次"]
    assert "".join(quotation.itertext()).strip().startswith("7类对象中的孤寡、高龄独居以及")


def macro_text(gallery: Flask, source: str, **context: object) -> str:
    with gallery.test_request_context():
        return gallery.jinja_env.from_string(source).render(**context)


def test_macros_escape_what_people_typed(gallery: Flask) -> None:
    nasty = '"><script>alert(1)</script>'
    calls = {
        "blocks": (
            "quote(x, x, [x], x, x)",
            "timeline([{'text': x, 'note': x, 'when': x}])",
            "masked(x, x, x)",
            "revealed(x, x, x, x)",
            "diff([{'label': x, 'old': x, 'new': x}], [(x, x)])",
            "facts([(x, x)])",
            "strip('info', x, strong=x)",
            "toast(x, x, x)",
            "empty('x', x, x, {'href': x, 'label': x})",
            "confirm(x, [x], x, x, x, x, hidden={x: x})",
            "post_button(x, x, fields={x: x})",
            "crumbs([(x, x), (x, '')])",
        ),
        "status": ("status('owed', x, x)", "status(x, x)", "plate(0, x)"),
        "plan": (
            "map_box(x, x, x, {'a': x}, note=x, key=[('start', x)])",
            "progress(x, 3, x, [{'name': x, 'fact': x}], x, x, x, x, x)",
            "lane_stop(x, 1, 2, x, x, label=x, id=x)",
            "calendar_cell(x, x, x, x, [x], 3, weekday=x)",
        ),
    }
    source = "".join(
        f"{{% import 'macros/{module}.html' as m %}}" + "".join(f"{{{{ m.{call} }}}}" for call in each)
        for module, each in calls.items()
    )
    html = macro_text(gallery, "{% autoescape true %}" + source + "{% endautoescape %}", x=nasty)
    assert "<script" not in html.lower()
    assert "alert(1)" in html


def test_rate_says_when_nothing_was_owed(gallery: Flask) -> None:
    source = "{% from 'macros/status.html' import rate %}{{ rate(n, d) }}"
    assert "没有应访" in macro_text(gallery, source, n=0, d=0)
    assert "103/108，95.4%" in macro_text(gallery, source, n=103, d=108)


@pytest.mark.parametrize(
    ("index", "letter"), [(0, "甲"), (5, "己"), (9, "癸"), (10, "子"), (21, "亥"), (22, "甲2·")]
)
def test_route_letters_never_run_out(gallery: Flask, index: int, letter: str) -> None:
    assert (
        macro_text(
            gallery, "{% from 'macros/status.html' import route_letter %}{{ route_letter(i) }}", i=index
        )
        == letter
    )


def test_signed_out_page_can_switch_to_elder_mode(gallery: Flask) -> None:
    html = page(gallery, "signin")
    assert 'action="/display"' in html
    assert 'name="next" value="/signin"' in html


def test_elder_page_offers_the_four_sizes_and_the_way_back(gallery: Flask) -> None:
    document = tree(page(gallery, "phone?mode=24"))
    html = document if document.tag == "html" else document.find(".//html")
    assert html is not None
    assert (html.get("data-mode"), html.get("data-size"), html.get("data-role")) == ("elder", "24", "worker")
    sizes = [b for b in document.iter("button") if b.get("name") == "size"]
    assert [b.get("value") for b in sizes] == ["18", "20", "24", "30"]
    assert [b.get("value") for b in sizes if b.get("aria-pressed") == "true"] == ["24"]
    assert [b for b in document.iter("button") if b.get("value") == "standard"]


# ── the files themselves ────────────────────────────────────────────────


def templates() -> list[Path]:
    return sorted((ROOT / "templates").rglob("*.html"))


def sprite_names() -> set[str]:
    sprite = (ROOT / "static/img/icons.svg").read_text(encoding="utf-8")
    ET.fromstring(sprite)  # noqa: S314 - our own file
    return set(re.findall(r'id="i-([a-z]+)"', sprite))


def test_every_icon_that_is_asked_for_is_drawn() -> None:
    wanted: dict[str, str] = {}
    for path in templates():
        text = path.read_text(encoding="utf-8")
        wanted |= dict.fromkeys(re.findall(r"\bicon\('([a-z]+)'", text), path.name)
        wanted |= dict.fromkeys(re.findall(r"icon_name='([a-z]+)'", text), path.name)
    missing = {name: where for name, where in wanted.items() if name not in sprite_names()}
    assert wanted
    assert not missing


def test_status_icons_are_drawn() -> None:
    text = (ROOT / "templates/macros/status.html").read_text(encoding="utf-8")
    used = set(re.findall(r"'[a-z_]+': \('([a-z]+)',", text))
    assert len(used) > 10
    assert used <= sprite_names()


def test_status_words_are_known_to_the_extractor() -> None:
    """Words are translated by variable, so each must also stand as a literal for the catalogue."""
    text = (ROOT / "templates/macros/status.html").read_text(encoding="utf-8")
    words = set(re.findall(r"'[a-z_]+': \([^)]*, '([^']+)'\)", text))
    assert len(words) > 20
    assert words == set(
        re.findall(r"_\('([^']+)'\)", text.split("macro vocabulary", 1)[1].split("endmacro", 1)[0])
    )


def test_classes_of_layouts_and_macros_are_styled() -> None:
    """A tf- class nobody styles is a slip of the pen; classes used only by scripts do not exist."""
    css = "".join(p.read_text(encoding="utf-8") for p in (ROOT / "static/css").glob("*.css"))
    known = set(re.findall(r"\.(tf-[a-z0-9_-]+)", css))
    used: set[str] = set()
    for path in [*(ROOT / "templates/layouts").glob("*.html"), *(ROOT / "templates/macros").glob("*.html")]:
        for value in re.findall(r'class="([^"]*)"', path.read_text(encoding="utf-8")):
            used |= set(
                re.findall(r"(?<![\w-])(tf-[a-z0-9_-]+[a-z0-9])(?![\w-])", re.sub(r"\{.*?\}\}?", " ", value))
            )
    assert len(used) > 40
    assert not used - known


def test_tokens_that_are_used_are_defined() -> None:
    css = "".join(p.read_text(encoding="utf-8") for p in (ROOT / "static/css").glob("*.css"))
    css += (ROOT / "static/js/map.js").read_text(encoding="utf-8")
    defined = set(re.findall(r"(--[a-z0-9-]+)\s*:", css))
    used = {name for name in re.findall(r"var\((--[a-z0-9-]+)\)", css) if not name.startswith("--bs-")}
    assert used - defined == set()
