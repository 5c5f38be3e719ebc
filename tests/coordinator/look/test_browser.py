"""What the scripts add, in headless Chromium under the content security policy."""

import math
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from coordinator.kernel.geo import wgs84_to_gcj02
from coordinator.kernel.services import Service
from tests.coordinator.look.gallery import PAGES
from tests.serving import ROOT, free_port

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


class GalleryProcess(Service):
    """The gallery under gunicorn, as the site is served: what a browser drops half-way is the server's to close."""

    name = "gallery"

    def __init__(self, port: int, log_file: Path) -> None:
        super().__init__()
        self.port = port
        self.log_file = log_file

    def command(self) -> list[str]:
        return [
            *(sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{self.port}", "--threads", "4"),
            *("--no-control-socket", "--chdir", str(ROOT), "tests.coordinator.look.gallery:create_gallery()"),
        ]

    def ready(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the running gallery."""
    server = GalleryProcess(free_port(), tmp_path_factory.mktemp("gallery") / "gallery.log")
    server.start()
    try:
        server.wait_ready(60)
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.stop()


def test_row_opens_the_panel_and_escape_closes_it(page: "Page", gallery: str) -> None:
    page.goto(f"{gallery}/list")
    row = page.locator("tbody tr").nth(2)
    row.locator("td").nth(4).click()
    page.locator("#panel h2", has_text="王素珍").wait_for()
    assert "is-open" in (row.get_attribute("class") or "")
    assert page.url.endswith("?open=29")
    page.keyboard.press("Escape")
    assert page.locator("#panel").inner_html() == ""
    assert page.url == f"{gallery}/list"
    assert page.evaluate("document.activeElement.textContent") == row.locator("a.name").inner_text()


def test_name_opens_the_panel_from_the_keyboard_and_takes_the_focus(page: "Page", gallery: str) -> None:
    page.goto(f"{gallery}/list")
    page.locator("tbody a.name").first.focus()
    page.keyboard.press("Enter")
    page.locator("#panel h2").wait_for()
    page.wait_for_function("document.activeElement.matches('#panel h2')")


def test_address_with_an_open_row_shows_its_panel(page: "Page", gallery: str) -> None:
    page.goto(f"{gallery}/list?open=15")
    assert page.locator("#panel h2").is_visible()
    page.locator("[data-panel-close]").click()
    assert page.locator("#panel h2").count() == 0


def test_revealed_value_hides_itself_and_gives_the_focus_back(page: "Page", gallery: str) -> None:
    page.goto(f"{gallery}/list?open=1")
    page.locator("#panel .tf-mask__eye").click()
    page.locator("#panel [data-full]", has_text="13812346027").wait_for()
    page.locator("#panel .tf-mask", has_text="138****6027").wait_for()
    assert "13812346027" not in page.content()
    page.wait_for_function("document.activeElement.matches('.tf-mask__eye')")
    page.locator("#panel .tf-mask__eye").click()
    page.locator("#panel [data-full]", has_text="13812346027").wait_for()


def test_selection_says_how_many_and_how_much_work(page: "Page", gallery: str) -> None:
    page.goto(f"{gallery}/list")
    bar = page.locator("[data-bulk-bar]")
    assert not bar.is_visible()
    boxes = page.locator("tbody .check input")
    for n in range(5):
        boxes.nth(n).check()
    assert "已选 5 位" in bar.inner_text()
    assert "约 2 小时 55 分" in bar.inner_text()
    assert not page.locator("[data-bulk-whole]").is_visible()
    assert page.locator("[data-bulk-all]").evaluate("box => box.indeterminate")
    page.locator("[data-bulk-all]").check()
    page.locator("[data-bulk-whole] input").check()
    assert "已选全部 204 位" in bar.inner_text()
    boxes.first.uncheck()
    assert "已选 19 位" in bar.inner_text()
    assert not page.locator("[data-bulk-whole] input").is_checked()
    page.locator("[data-bulk-clear]").click()
    assert not bar.is_visible()
    assert page.locator(".check input:checked").count() == 0


def test_filters_apply_at_once_and_chips_take_them_away(page: "Page", gallery: str) -> None:
    page.goto(f"{gallery}/list?per_page=50")
    with page.expect_navigation():
        page.select_option("#community", "柳岸社区")
    assert "community=" in page.url
    assert "per_page=50" in page.url
    assert "q=" not in page.url, "empty fields stay out of the address"
    assert "共 51 项" in page.locator(".tf-pager").inner_text()
    with page.expect_navigation():
        page.locator(".tf-chip").first.click()
    assert "community" not in page.url


def test_menus_close_with_escape_and_outside(page: "Page", gallery: str) -> None:
    page.goto(f"{gallery}/list")
    menu = page.locator("details", has_text="退出登录")
    menu.locator("summary").click()
    assert menu.get_attribute("open") is not None
    page.keyboard.press("Escape")
    assert menu.get_attribute("open") is None
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    menu.locator("summary").click()
    page.locator("h1").click()
    assert menu.get_attribute("open") is None


def test_progress_is_polled_until_it_ends(page: "Page", gallery: str) -> None:
    page.goto(f"{gallery}/plan?poll=1")
    page.locator("#run", has_text="草案已经生成").wait_for()
    assert page.locator("#run").get_attribute("hx-get") is None
    assert "草案已经生成" in page.locator("#live").inner_text()


def test_map_and_list_share_one_selection(page: "Page", gallery: str) -> None:
    page.goto(f"{gallery}/plan")
    page.locator(".tf-mk").first.wait_for()
    assert page.locator(".tf-mk .tf-plate").all_inner_texts() == [
        "甲1",
        "甲2",
        "甲3",
        "甲4",
        "乙1",
        "乙2",
        "乙3",
    ]
    page.locator("section[data-map-id=u1]").focus()
    assert page.locator(".tf-mk.is-sel").get_attribute("title") == "没排上：刘德明"
    page.locator(".tf-mk", has_text="甲1").dispatch_event("click")
    assert page.locator(".tf-stop.is-sel[data-map-id=a1]").count() == 3
    dashes = page.locator(".tf-map path[stroke-dasharray]").count()
    assert dashes >= 1


def tile_pixel(lat: float, lon: float, zoom: int) -> tuple[float, float]:
    """Web Mercator pixel of a point, tiles of 256."""
    scale = 256 * 2**zoom
    x = (lon + 180) / 360 * scale
    y = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * scale
    return x, y


@pytest.mark.parametrize("crs", ["wgs84", "gcj02"])
def test_tiles_lie_under_the_marks_in_either_datum(page: "Page", gallery: str, crs: str) -> None:
    page.goto(f"{gallery}/plan?crs={crs}")
    lat, lon = 28.880, 105.440  # the start of the gallery's map
    for drag in (0, 240):
        if drag:
            page.mouse.move(500, 420)
            page.mouse.down()
            page.mouse.move(500 + drag, 420 + 90, steps=4)
            page.wait_for_timeout(400)  # held still, so that the map is not thrown
            page.mouse.up()
        page.locator(".leaflet-tile-loaded").first.wait_for()
        mark = page.locator(".tf-mk__start").bounding_box()
        tile = page.locator(".leaflet-tile-loaded").first
        box, source = tile.bounding_box(), tile.get_attribute("src") or ""
        assert mark is not None
        assert box is not None
        zoom, x, y = (int(part) for part in source.rsplit("/", 3)[1:])
        shown = wgs84_to_gcj02(lat, lon) if crs == "gcj02" else (lat, lon)
        px, py = tile_pixel(*shown, zoom)
        assert mark["x"] + mark["width"] / 2 == pytest.approx(box["x"] + px - x * 256, abs=2)
        assert mark["y"] + mark["height"] / 2 == pytest.approx(box["y"] + py - y * 256, abs=2)


def test_lanes_are_placed_by_time(page: "Page", gallery: str) -> None:
    page.goto(f"{gallery}/plan")
    lane = page.locator(".tf-lane__track").first
    stop = lane.locator(".tf-stop").nth(1)
    outer, inner = lane.bounding_box(), stop.bounding_box()
    assert outer is not None
    assert inner is not None
    assert (inner["x"] - outer["x"]) / outer["width"] == pytest.approx(0.157, abs=0.005)


def test_toast_from_the_server_can_be_undone_and_stays(page: "Page", gallery: str) -> None:
    page.goto(f"{gallery}/list?flash=1")
    assert page.locator("#toasts .tf-toast").inner_text().strip() == "已批准，6 人会在 1 分钟内收到。"
    assert page.locator("#messages .tf-strip").inner_text() == "这次刚被别人认领了。附近还有 3 次您能去。"
    page.locator("#toasts [data-close]").click()
    detail = "{bubbles: true, detail: {text: '已退回', undo: '/sign-out', undoLabel: '撤销退回'}}"
    page.evaluate(f"document.body.dispatchEvent(new CustomEvent('toast', {detail}))")
    with page.expect_navigation():
        page.get_by_role("button", name="撤销退回").click()
    assert page.url.endswith("/signin")


def test_refused_or_lost_request_is_said_above_the_content(browser: "Browser", gallery: str) -> None:
    page = browser.new_page()  # the browser itself notes a failed request as an error
    page.goto(f"{gallery}/list")
    page.evaluate("htmx.ajax('GET', '/broken', '#panel')")
    page.locator("#messages .tf-strip", has_text="刚才没有做成 请再试一次。").wait_for()
    assert "7F3A" in page.locator("#messages").inner_text()
    assert page.locator("#panel").inner_html() == ""
    page.context.set_offline(True)
    page.evaluate("htmx.ajax('GET', '/panel/1', '#panel').catch(() => null)")
    page.locator("#messages .tf-strip", has_text="没有连上").wait_for()
    page.close()


def test_wrong_form_puts_the_focus_on_the_first_wrong_field(page: "Page", gallery: str) -> None:
    page.goto(f"{gallery}/form?bad=1")
    assert page.evaluate("document.activeElement.id") == "name"
    page.locator("#errors a", has_text="燃气安全").click()
    assert page.evaluate("document.activeElement.id") == "gas-0"


def test_phone_has_nothing_wider_than_its_screen(phone: "Page", gallery: str) -> None:
    for name in PAGES:
        for mode in ("", "?mode=30"):
            if name in ("components", "sheet") and mode:
                continue  # the gallery's own overview and the paper sheet are not phone pages
            phone.goto(f"{gallery}/{name}{mode}")
            widths = phone.evaluate(
                "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
            )
            assert widths[0] <= widths[1], (name, mode, widths)


# Controls lower than 60 px, except links inside a sentence and radios and boxes whose label is the target.
SMALL_TARGETS = """
[...document.querySelectorAll('a, button, summary, input, select, textarea, .tf-seg__face')]
  .filter(e => e.offsetParent && !e.closest('.skip, .tf-crumbs, p'))
  .filter(e => !e.matches('input[type=radio], input[type=checkbox]'))
  .map(e => [e.tagName, e.textContent.trim() || e.name, e.getBoundingClientRect().height])
  .filter(([tag, text, height]) => height > 0 && height < 60)
"""
# Text below 18 px, except the counts on badges.
SMALL_TEXT = """
[...document.querySelectorAll('body *')]
  .filter(e => e.offsetParent && !e.closest('.visually-hidden, b, svg'))
  .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()))
  .map(e => [e.tagName, e.textContent.trim(), parseFloat(getComputedStyle(e).fontSize)])
  .filter(([tag, text, size]) => size < 18 && !/^\\d+$/.test(text))
"""


def test_elder_targets_are_large_and_text_is_not_small(phone: "Page", gallery: str) -> None:
    for name in ("phone", "visit", "signin", "form"):
        phone.goto(f"{gallery}/{name}?mode=18")
        assert phone.evaluate(SMALL_TARGETS) == [], name
        assert phone.evaluate(SMALL_TEXT) == [], name


def test_phone_menu_is_a_disclosure(phone: "Page", gallery: str) -> None:
    phone.goto(f"{gallery}/list")
    button = phone.get_by_role("button", name="菜单")
    rail = phone.locator("#rail")
    assert not rail.is_visible()
    button.click()
    assert rail.is_visible()
    assert button.get_attribute("aria-expanded") == "true"
    phone.keyboard.press("Escape")
    assert not rail.is_visible()
    assert phone.evaluate("document.activeElement.textContent.trim()") == "菜单"


def test_rows_become_cards_that_name_their_cells(phone: "Page", gallery: str) -> None:
    phone.goto(f"{gallery}/list")
    cell = phone.locator("tbody tr").first.locator("td").nth(4)
    assert cell.get_attribute("data-label") == "住址"
    assert cell.get_attribute("role") == "cell"


def test_everything_important_works_without_a_script(browser: "Browser", gallery: str) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 360, "height": 740})
    page = context.new_page()
    page.goto(f"{gallery}/list")
    assert page.locator("#rail").is_visible()
    page.select_option("#community", "柳岸社区")
    page.get_by_role("button", name="筛选").click()
    assert "共 51 项" in page.locator(".tf-pager").inner_text()
    page.get_by_role("button", name="长辈版").click()
    assert page.url.endswith("mode=20")
    page.locator("summary", has_text="字号").click()
    page.get_by_role("button", name="30 号字").click()
    assert page.locator("html").get_attribute("data-size") == "30"
    context.close()
