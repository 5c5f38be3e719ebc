"""Signing in and out through the form."""

from typing import TYPE_CHECKING

from tests.factories import PASSWORD, make_user, sign_in

if TYPE_CHECKING:
    from flask.testing import FlaskClient


def token_of(page: str) -> str:
    return page.split('name="csrf_token" type="hidden" value="')[1].split('"')[0]


def post_sign_in(client: "FlaskClient", username: str, password: str, query: str = ""):
    page = client.get(f"/accounts/sign-in{query}").get_data(as_text=True)
    data = {"username": username, "password": password, "csrf_token": token_of(page)}
    return client.post(f"/accounts/sign-in{query}", data=data)


def test_right_password_leads_to_the_landing_page(client: "FlaskClient") -> None:
    user = make_user()
    assert client.get("/").status_code == 303
    answer = post_sign_in(client, user.username, PASSWORD)
    assert (answer.status_code, answer.location) == (303, "/")
    assert user.name in client.get("/").get_data(as_text=True)


def test_factory_signs_in(client: "FlaskClient") -> None:
    sign_in(client, make_user())
    assert client.get("/").status_code == 200
