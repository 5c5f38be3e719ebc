"""A person with a browser without JavaScript: opens pages, follows links, fills in forms that are really there."""

import time
from io import BytesIO
from typing import Any
from urllib.parse import urljoin

from bs4 import BeautifulSoup, Tag
from flask.testing import FlaskClient
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse


class Person:
    """What somebody sees, and the few things one can do with a page."""

    def __init__(self, client: FlaskClient, name: str = "") -> None:
        self.client, self.name = client, name
        self.url = "/"
        self.answer: TestResponse
        self.page = BeautifulSoup("", "html.parser")

    @property
    def text(self) -> str:
        """The page as it is read, without repeated spaces."""
        return " ".join(self.page.get_text(" ").split())

    def open(self, url: str, status: int = 200) -> "Person":
        """Open an address and go where it leads."""
        return self._arrive(self.client.get(urljoin(self.url, url)), url, status)

    def follow(self, words: str) -> "Person":
        """Click the first link that holds these words."""
        for link in self.page.find_all("a", href=True):
            if words in " ".join(link.get_text(" ").split()):
                return self.open(str(link["href"]))
        raise AssertionError(f"no link “{words}” on {self.url}:\n{self.text}")

    def press(self, words: str, **answers: Any) -> "Person":
        """Fill in the form of the button that holds these words, and press it.

        What the form holds already is sent along, as a browser does; a field that is not in it is refused here.
        A choice may be given by its words.
        """
        button = self._button(words)
        form = self.page.find("form", id=button["form"]) if button.get("form") else button.find_parent("form")
        assert isinstance(form, Tag), f"“{words}” belongs to no form"
        fields = _values(form)
        if button.get("name"):
            fields[str(button["name"])] = str(button.get("value", ""))
        for name, value in answers.items():
            names = {str(one["name"]) for one in form.find_all(attrs={"name": True})}
            assert name in names, f"no field {name} beside “{words}”, only {sorted(names)}"
            fields.setlist(name, [_chosen(form, name, one) for one in _listed(value)])
        url = str(form.get("action") or self.url)
        if form.get("method", "get").lower() == "get":
            return self._arrive(self.client.get(url, query_string=fields), url)
        return self._arrive(self.client.post(urljoin(self.url, url), data=fields), url)

    def wait_for(self, *words: str, seconds: float = 60) -> "Person":
        """Look at the page again until it says one of these: a job is at work."""
        begun = time.monotonic()
        while not any(one in self.text for one in words):
            assert time.monotonic() - begun < seconds, (
                f"none of {words} came within {seconds} s:\n{self.text}"
            )
            time.sleep(0.3)
            self.open(self.url)
        return self

    def sees(self, *words: str) -> "Person":
        """The page says all of this."""
        for one in words:
            assert one in self.text, f"{self.name} does not read “{one}” on {self.url}:\n{self.text}"
        return self

    def does_not_see(self, *words: str) -> "Person":
        """The page, in its text and its code, says none of this."""
        for one in words:
            assert one not in self.answer.text, f"{self.name} reads “{one}” on {self.url}"
        return self

    def fetch(self, words: str) -> bytes:
        """Download what the link leads to."""
        link = next(one for one in self.page.find_all("a", href=True) if words in one.get_text(" "))
        answer = self.client.get(str(link["href"]))
        assert answer.status_code == 200, answer.status
        return answer.data

    def _button(self, words: str) -> Tag:
        for button in self.page.find_all(["button", "input"]):
            label = button.get_text(" ") if button.name == "button" else str(button.get("value", ""))
            if words in " ".join(label.split()) and button.get("type", "submit") == "submit":
                return button
        raise AssertionError(f"no button “{words}” on {self.url}:\n{self.text}")

    def _arrive(self, answer: TestResponse, url: str, status: int = 200) -> "Person":
        self.url = urljoin(self.url, url)
        for _hop in range(5):
            if answer.status_code not in (301, 302, 303):
                break
            self.url = urljoin(self.url, answer.headers["Location"])
            answer = self.client.get(self.url)
        self.answer = answer
        self.page = BeautifulSoup(answer.text if answer.mimetype == "text/html" else "", "html.parser")
        assert answer.status_code == status, f"{self.url}: {answer.status}\n{self.text}"
        return self


def a_file(content: str, name: str) -> tuple[BytesIO, str]:
    """A file as a browser sends it."""
    return BytesIO(content.encode("utf-8-sig")), name


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _chosen(form: Tag, name: str, value: Any) -> Any:
    """The value behind the words of a choice; anything else as it is."""
    for option in form.select(f'select[name="{name}"] option'):
        if value in (option.get_text(strip=True), option.get("value")):
            return str(option["value"])
    return value


def _values(form: Tag) -> "MultiDict[str, Any]":
    """What a browser would send of a form as it stands."""
    found: MultiDict[str, Any] = MultiDict()
    for field in form.find_all(["input", "select", "textarea"]):
        name, kind = field.get("name"), field.get("type", "")
        if not name or field.has_attr("disabled") or kind in ("submit", "button", "file"):
            continue
        if field.name == "select":
            options = field.find_all("option")
            chosen = [one for one in options if one.has_attr("selected")] or options[:1]
            for one in chosen:
                found.add(str(name), str(one.get("value", one.get_text())))
        elif field.name == "textarea":
            found.add(str(name), field.get_text())
        elif kind not in ("checkbox", "radio") or field.has_attr("checked"):
            found.add(str(name), str(field.get("value", "on" if kind == "checkbox" else "")))
    return found
