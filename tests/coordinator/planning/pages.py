"""Reading the pages of plans, and pressing their buttons."""

import re
from typing import Any

from flask.testing import FlaskClient

from tests import factories


def text_of(answer: Any) -> str:
    """The words of a page."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.get_data(as_text=True)))


def post(client: FlaskClient, url: str, **data: Any) -> Any:
    return client.post(url, data={"csrf_token": factories.csrf_token(client), **data})
