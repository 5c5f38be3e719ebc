"""Pictures of the running demo: the named ones of the documents, or every page of every role for review.

    TANFANG_NOW=2026-11-20T08:30 make run               # a working morning; wait until the demo is ready
    make screenshots                                    # in another terminal: docs/screenshots/*.png
    .venv/bin/python tools/screenshots.py --all shots/  # every page, both widths, and what is wrong with it

Only reads: no form is sent except signing in, signing out and 长辈版. The browser's own parts (choosing a file, a
day) are in English where the Chromium at hand has no Chinese.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from playwright.sync_api import Error as BrowserError

ROOT = Path(__file__).resolve().parent.parent
CHROMIUM = "/usr/bin/chromium"
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--lang=zh-CN",
]
WIDTHS = {"desk": (1440, 900), "phone": (360, 740)}
LARGEST_BYTES = 150 * 1024
LEAST_TARGET = 44  # px high, in the narrow width; links that go on with a sentence are left out
SMALL_TARGETS = """least => {
  const found = new Set();
  const targets = "a[href], button, input:not([type=hidden]), select, textarea, summary";
  for (const one of document.querySelectorAll(targets)) {
    const box = one.getBoundingClientRect();
    if (box.width <= 1 || box.height <= 1 || box.left < -50 || one.closest(".leaflet-container")) continue;
    const whole = ["radio", "checkbox"].includes(one.type) && (one.closest("label") || one.labels?.[0]);
    const height = (whole || one).getBoundingClientRect().height;
    const own = (one.textContent || one.name).trim();
    const inText = one.tagName === "A" && getComputedStyle(one).display === "inline";
    if (inText && one.parentElement.textContent.trim().length > own.length + 8) continue;
    if (height < least - 1) found.add(`${Math.round(height)} px ${own.slice(0, 12)}`);
  }
  return [...found];
}"""
TALLEST_PIXELS = 6000  # of a page taken whole, for review


@dataclass(frozen=True)
class Shot:
    """One picture: who looks (user name of the demo, '' for nobody), from which page, following which links.

    `follow` are CSS selectors; the address of the first match of each is opened in turn. `elder` switches 长辈版
    on. A last link to a PDF gives its first page.
    """

    name: str
    user: str
    path: str
    follow: tuple[str, ...] = ()
    widths: tuple[str, ...] = ("desk",)
    elder: bool = False


DESK, PHONE = ("desk",), ("phone",)
DOSSIER = "main a[href^='/elders/']:not([href*=import]):not([href$=new])"
A_DAY = "main a[href*='/days/'] >> nth=2"  # a working day, mostly
SHOTS = (
    Shot("due", "street", "/due"),
    Shot("month", "street", "/planning/"),
    Shot("day", "street", "/planning/", (A_DAY,)),
    Shot("approvals", "street", "/approvals"),
    Shot("admission", "street", "/join/admission"),
    Shot("dropouts", "street", "/dropouts"),
    Shot("dossier", "street", "/elders", (DOSSIER,)),
    Shot("records", "street", "/records"),
    Shot("route-sheet", "street", "/planning/", (A_DAY, "a[href$='sheet.pdf']")),
    Shot("today", "grid", "/today", widths=PHONE),
    Shot("today-elder", "grid", "/today", widths=PHONE, elder=True),
    Shot("join", "", "/join", widths=PHONE),
    Shot("times", "student", "/workforce/me/times", widths=PHONE),
    Shot("open-visits", "student", "/open-visits", widths=PHONE),
    Shot("my-hours", "student", "/hours/mine", widths=PHONE),
    Shot("school-inbox", "school-college", "/hours/school"),
    Shot("school-entry", "school-college", "/hours/school", ("main a[href^='/hours/school/']",)),
    Shot(
        "certificate",
        "street",
        "/hours/certificates",
        ("main td a[href*='/hours/certificates/']", "a[href$='.pdf']"),
    ),
    Shot("certificate-check", "", "/hours/check", widths=PHONE),
    Shot("supervisor", "county", "/"),
)


class NotThere(Exception):
    """A page or a link of the table is not in this demo; str() says which."""


# --- the browser -----------------------------------------------------------------------------------------


@dataclass
class Demo:
    """The running demo and the browser that looks at it. Each account signs in once."""

    address: str
    accounts: list[dict[str, str]]
    browser: Browser
    cookies: dict[str, Any] = field(default_factory=dict)

    @contextmanager
    def page_of(self, user: str, width: str) -> Iterator[Page]:
        """A page of a browser of its own, signed in as `user`."""
        size = WIDTHS[width]
        context = self.browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            device_scale_factor=1,
            locale="zh-CN",
            timezone_id="Asia/Shanghai",
            reduced_motion="reduce",
            is_mobile=width == "phone",
            has_touch=width == "phone",
            storage_state=self.cookies.get(user),
        )
        page = context.new_page()
        try:
            if user and user not in self.cookies:
                self._sign_in(page, user)
                self.cookies[user] = context.storage_state()
            yield page
        finally:
            context.close()

    def _sign_in(self, page: Page, user: str) -> None:
        account = next((one for one in self.accounts if one["username"] == user), None)
        if account is None:
            raise NotThere(f"no account {user} in this demo")
        self.open(page, "/accounts/sign-in")
        page.fill("[name=username]", account["username"])
        page.fill("[name=password]", account["password"])
        page.click("main button[type=submit]")
        page.wait_for_load_state("networkidle")
        if "/accounts/sign-in" in page.url:
            raise NotThere(f"could not sign in as {user}: {page.inner_text('main')[:200]}")

    def sign_out_all(self) -> None:
        """End the sessions that were opened."""
        for user in self.cookies:
            with self.page_of(user, "desk") as page:
                self.open(page, "/accounts/me")
                token = page.get_attribute("meta[name=csrf-token]", "content") or ""
                page.request.post(f"{self.address}/accounts/sign-out", form={"csrf_token": token})

    def open(self, page: Page, path: str) -> int:
        """Open a page and wait until it is quiet; its HTTP status."""
        answer = page.goto(f"{self.address}{path}", wait_until="load")
        try:
            page.wait_for_load_state("networkidle", timeout=5000)
        except BrowserError:
            print(f"  {path} keeps asking (progress): taken as it is", file=sys.stderr)
        page.wait_for_timeout(150)
        return answer.status if answer is not None else 0


def set_elder_mode(page: Page, on: bool) -> None:
    """Press the button that every header has."""
    wanted = "elder" if on else "standard"
    if (page.get_attribute("html", "data-mode") == "elder") == on:
        return
    form = page.locator("form[action='/display']", has=page.locator(f"[name=mode][value={wanted}]")).last
    with page.expect_navigation():
        form.evaluate("form => form.requestSubmit(form.querySelector('button'))")


# --- the named pictures ----------------------------------------------------------------------------------


def take(demo: Demo, shot: Shot, width: str, folder: Path) -> Path:
    """Take one picture of the table."""
    suffix = "-phone" if width == "phone" and len(shot.widths) > 1 else ""
    file = folder / f"{shot.name}{suffix}.png"
    with demo.page_of(shot.user, width) as page:
        path = shot.path
        _expect(demo, page, path)
        for selector in shot.follow:
            link = page.locator(selector).first
            if link.count() == 0:
                raise NotThere(f"{shot.name}: no link {selector} on {path}")
            path = urlsplit(link.get_attribute("href") or "").path
            if path.endswith(".pdf"):
                save(first_page_of(page.context, demo.address + path), file)
                return file
            _expect(demo, page, path)
        if shot.elder:
            set_elder_mode(page, True)
            _expect(demo, page, path)
        save(page.screenshot(), file)
        if shot.elder:
            set_elder_mode(page, False)
    return file


def _expect(demo: Demo, page: Page, path: str) -> None:
    status = demo.open(page, path)
    if status != 200:
        raise NotThere(f"{path} answers {status}")


def first_page_of(context: BrowserContext, address: str) -> bytes:
    """The first page of a PDF as a PNG, about as wide as a column of text."""
    answer = context.request.get(address)
    if not answer.ok:
        raise NotThere(f"{address} answers {answer.status}")
    with tempfile.TemporaryDirectory() as folder:
        paper = Path(folder) / "paper.pdf"
        paper.write_bytes(answer.body())
        subprocess.run(
            [
                "pdftoppm",
                "-png",
                "-r",
                "80",
                "-f",
                "1",
                "-l",
                "1",
                "-singlefile",
                paper,
                paper.with_suffix(""),
            ],
            check=True,
        )
        return paper.with_suffix(".png").read_bytes()


def save(png: bytes, file: Path) -> None:
    """Write a picture with as many colours as fit below the limit for the repository."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    for colours in (256, 128, 64, 32):
        small = io.BytesIO()
        picture.quantize(colours, dither=Image.Dither.NONE).save(small, "PNG", optimize=True)
        if small.tell() <= LARGEST_BYTES:
            break
    file.write_bytes(small.getvalue())


# --- every page, for review ------------------------------------------------------------------------------


def take_all(demo: Demo, folder: Path, users: list[str], most: int) -> list[str]:
    """Every kind of page that each account reaches by links, in both widths; returns what is wrong with them."""
    problems: list[str] = []
    for user in users:
        for width in WIDTHS:
            modes = (False, True) if width == "phone" and _is_worker(demo, user) else (False,)
            for elder in modes:
                print(f"{user}, {width}{', 长辈版' if elder else ''}", flush=True)
                problems += _walk(demo, folder, user, width, elder, most)
    return problems


def _is_worker(demo: Demo, user: str) -> bool:
    return any(one["username"] == user and one["role"] == "worker" for one in demo.accounts)


def _walk(demo: Demo, folder: Path, user: str, width: str, elder: bool, most: int) -> list[str]:
    problems: list[str] = []
    seen: set[str] = set()
    waiting = deque(["/"])
    with demo.page_of(user, width) as page:
        page.on("console", lambda said: said.type == "error" and problems.append(f"{page.url}: {said.text}"))
        page.on("pageerror", lambda error: problems.append(f"{page.url}: {error}"))
        if elder:
            demo.open(page, "/accounts/me")
            set_elder_mode(page, True)
        while waiting and len(seen) < most:
            path = waiting.popleft()
            if (kind := _kind(path)) in seen:
                continue
            seen.add(kind)
            where = f"{user} {width} {path}"
            if re.search(r"\.(pdf|xlsx|csv|ics)$", urlsplit(path).path):
                status = page.context.request.get(demo.address + path).status
                if status != 200:
                    problems.append(f"{where}: {status}")
                continue
            try:
                status = demo.open(page, path)
            except BrowserError as error:
                problems.append(f"{where}: {str(error).splitlines()[0]}")
                continue
            if status != 200:
                problems.append(f"{where}: {status}")
            problems += [f"{where}: {one}" for one in _look(page)]
            name = f"{user}-{width}{'-elder' if elder else ''}-{kind.strip('/').replace('/', '_') or 'home'}"
            _whole_page(page, folder / f"{name}.png", WIDTHS[width][0])
            waiting.extend(_links(page, demo.address))
        if elder:
            demo.open(page, "/accounts/me")
            set_elder_mode(page, False)
    return problems


def _kind(path: str) -> str:
    """Pages with other numbers, days or filters are the same kind of page; pages of a query with names are not."""
    parts = urlsplit(path)
    stem = re.sub(r"\d{4}-\d\d(-\d\d)?|\b\d+\b", "N", parts.path)
    stem = re.sub(r"/sheets/[^/]+", "/sheets/C", re.sub(r"/check/[^/]+", "/check/C", stem))
    names = sorted(
        {pair.partition("=")[0] for pair in parts.query.split("&")} & {"layer", "view", "tab", "as"}
    )
    return stem + (f"_{'_'.join(names)}" if names else "")


def _links(page: Page, address: str) -> list[str]:
    found = page.eval_on_selector_all("a[href]", "links => links.map(link => link.href)")
    inside = [one[len(address) :] for one in found if one.startswith(f"{address}/")]
    return [one.partition("#")[0] for one in inside if not one.startswith("/static/")]


def _look(page: Page) -> list[str]:
    """What a machine can see: sideways scrolling, Latin words, raw values, headings, small targets."""
    found = []
    beyond = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    if beyond > 0:
        found.append(f"{beyond} px wider than the window")
    text = page.inner_text("body")
    words = set(re.findall(r"[A-Za-z][a-z]{3,}", text))
    if words:
        found.append(f"Latin words: {', '.join(sorted(words))}")
    raw = set(
        re.findall(r"%\(\w+\)s|\b\d{4}-\d\d-\d\d\b|\b[a-z]+_[a-z_]+\b|\b(?:None|True|False|nan)\b", text)
    )
    if raw:
        found.append(f"raw values: {', '.join(sorted(raw))}")
    if (heads := page.locator("h1").count()) != 1:
        found.append(f"{heads} main headings")
    if page.viewport_size and page.viewport_size["width"] == WIDTHS["phone"][0]:
        small = page.evaluate(SMALL_TARGETS, LEAST_TARGET)
        if small:
            found.append(f"small targets: {'; '.join(small[:6])}")
    return found


def _whole_page(page: Page, file: Path, wide: int) -> None:
    # what is fixed to the window would lie across the middle of a long picture
    page.evaluate(
        "document.querySelectorAll('.tf-nav, .tf-foot').forEach(bar => { bar.style.position = 'static'; })"
    )
    tall = min(TALLEST_PIXELS, page.evaluate("document.documentElement.scrollHeight"))
    file.write_bytes(
        page.screenshot(full_page=True, clip={"x": 0, "y": 0, "width": wide, "height": max(tall, 1)})
    )


# --- the command -----------------------------------------------------------------------------------------


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--address", default="http://127.0.0.1:8000", help="of the running demo")
    parser.add_argument("--data", type=Path, default=ROOT / "var", help="its data directory (sign-ins)")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "screenshots")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="some names of the table")
    parser.add_argument("--all", type=Path, metavar="DIR", help="every page of every role, into DIR")
    parser.add_argument("--users", nargs="+", metavar="USER", help="with --all: only these accounts")
    parser.add_argument("--most", type=int, default=80, help="with --all: pages for each account and width")
    given = parser.parse_args()
    sign_ins = given.data / "demo-accounts.json"
    if not sign_ins.is_file():
        print(
            f"no sign-ins at {sign_ins}: start the demo with `make run`, or name its --data", file=sys.stderr
        )
        return 2
    accounts = json.loads(sign_ins.read_text(encoding="utf-8"))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=CHROMIUM_FLAGS, env={**os.environ, "LANGUAGE": "zh_CN"}
        )
        demo = Demo(given.address.rstrip("/"), accounts, browser)
        if given.all:
            given.all.mkdir(parents=True, exist_ok=True)
            users = given.users or [one["username"] for one in accounts]
            problems = take_all(demo, given.all, users, given.most)
            demo.sign_out_all()
            (given.all / "problems.txt").write_text("\n".join(problems) + "\n", encoding="utf-8")
            print("\n".join(problems))
            return 1 if problems else 0
        given.out.mkdir(parents=True, exist_ok=True)
        missing = 0
        for shot in SHOTS:
            if given.only and shot.name not in given.only:
                continue
            for width in shot.widths:
                try:
                    file = take(demo, shot, width, given.out)
                except (NotThere, BrowserError) as problem:
                    print(f"{shot.name}: {problem}", file=sys.stderr)
                    missing += 1
                else:
                    print(f"{file} {file.stat().st_size // 1024} KiB")
        demo.sign_out_all()
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
