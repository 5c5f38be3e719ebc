"""A street with a coordinator, signed in at `desk`, and an elder who has been in the register for a year."""

import pytest

from coordinator.kernel.access import Role
from tests.coordinator.elders.reading import LONG_AGO, NOON, NUMBER
from tests.factories import make_actor, make_area_tree, make_elder, make_user, sign_in


@pytest.fixture
def tree(db_session):
    return make_area_tree(emergency_phone="0830-3123456")


@pytest.fixture
def actor(tree):
    return make_actor(Role.STREET_COORDINATOR, tree.street, name="李主任")


@pytest.fixture
def desk(client, tree):
    sign_in(client, make_user(Role.STREET_COORDINATOR, tree.street))
    return client


@pytest.fixture
def elder(tree):
    return make_elder(
        tree.community,
        name="王素珍",
        id_number=NUMBER,
        phone="13800006027",
        created_at=LONG_AGO,
        updated_at=LONG_AGO,
    )


@pytest.fixture
def noon(freeze):
    """Noon of 26 March 2026."""
    freeze(NOON)
