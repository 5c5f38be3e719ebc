"""What both browser journeys need: somebody signed in through the page."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.factories import PASSWORD


@pytest.fixture
def enter(live_server) -> Callable[[Page, str], None]:
    """`enter(page, username)` signs in as a person would."""

    def enter(page: Page, username: str) -> None:
        page.goto(f"{live_server.url}/accounts/sign-in")
        page.fill("input[name=username]", username)
        page.fill("input[name=password]", PASSWORD)
        page.get_by_role("button", name="登录", exact=True).click()
        page.wait_for_url(lambda url: "sign-in" not in url)

    return enter
