"""Addresses that name no row are no pages."""

from __future__ import annotations

import pytest

from coordinator.kernel.access import Role
from tests.factories import make_area_tree, make_user, sign_in


@pytest.mark.parametrize("path", ["/hours/99999999999999999999", "/elders/99999999999999999999"])
def test_a_number_no_key_can_have_is_not_found(client, db_session, path):
    sign_in(client, make_user(Role.STREET_COORDINATOR, make_area_tree().street))
    assert client.get(path).status_code == 404
