"""An ID number that was somebody's: connected, corrected or refused by a coordinator."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from coordinator.accounts.models import User, UserSession
from coordinator.extensions import db
from coordinator.joining.models import Application
from coordinator.joining.queries.gaps import gaps_of_applicant
from coordinator.joining.queries.people import people_with_phone
from coordinator.joining.services import admission, credentials
from coordinator.joining.services.same_person import join_records
from coordinator.kernel import clock
from coordinator.kernel.access import Role
from coordinator.kernel.errors import Conflict, NotAllowed
from coordinator.messages.models import Message
from coordinator.workforce.models import CredentialKind, WorkerStatus
from tests.coordinator.joining.applicants import HEALTHY, self_of
from tests.coordinator.joining.conftest import id_for
from tests.coordinator.joining.ways import ADULT, PHONE, do_join, text_of, token_in
from tests.factories import make_actor, make_area_tree, make_user, make_worker, sign_in

OLD = "13900009999"


@pytest.fixture
def tree(db_session):
    return make_area_tree()


@pytest.fixture
def coordinator(tree):
    return make_actor(Role.STREET_COORDINATOR, tree.street)


def applied(tree, **over):
    """(the record that was there, the new one)"""
    number = id_for(ADULT)
    row = make_worker(tree.community, **({"name": "陈素芬", "phone": OLD, "id_number": number} | over))
    return row, do_join(tree, id_number=number).worker


def test_a_new_telephone_goes_to_the_record_that_was_there(tree, coordinator):
    user = make_user(Role.WORKER)
    row, new = applied(tree, user_id=user.id)
    account = new.user
    for one, name in ((user, b"a"), (account, b"b")):
        db.session.add(
            UserSession(user_id=one.id, token_hash=name * 32, expires_at=clock.now() + timedelta(days=1))
        )
    credentials.declare_health(self_of(new), new, HEALTHY)
    assert join_records(coordinator, new) is row
    assert (row.phone, row.user_id, row.status) == (PHONE, user.id, WorkerStatus.APPROVED)
    assert (new.phone, new.user_id, new.status) == (None, None, WorkerStatus.LEFT)
    assert [one.worker for one in people_with_phone(PHONE)] == [row]
    assert people_with_phone(OLD) == []
    assert not account.is_active
    db.session.expire_all()
    assert all(one.ended_at for one in db.session.scalars(select(UserSession)))
    assert CredentialKind.HEALTH_DECLARATION in [one.kind for one in row.credentials if one.declared_at]
    titles = db.session.scalars(select(Message.title).where(Message.user_id == user.id)).all()
    assert titles == ["您早就登记过，已经接上原来的资料"]
    with pytest.raises(Conflict):
        join_records(coordinator, new)


def test_without_an_account_the_new_one_is_taken(tree, coordinator):
    row, new = applied(tree)
    account = new.user
    join_records(coordinator, new)
    assert row.user_id == account.id
    assert db.session.get_one(User, account.id).is_active


def test_who_had_left_applies_again(tree, coordinator):
    row, new = applied(tree, status=WorkerStatus.LEFT)
    join_records(coordinator, new)
    assert row.status is WorkerStatus.APPLIED
    application = db.session.scalars(select(Application).where(Application.worker_id == row.id)).one()
    assert application.closed_at is None
    admission.verify_identity(coordinator, row)
    admission.approve(coordinator, row)


def test_not_before_it_is_settled(tree, coordinator):
    _row, new = applied(tree)
    with pytest.raises(Conflict, match="登记在别人名下"):
        admission.approve(coordinator, new)


def test_only_by_who_keeps_both(tree):
    _row, new = applied(tree)
    for actor in (
        make_actor(Role.COMMUNITY_COORDINATOR, tree.outside),
        make_actor(Role.STREET_COORDINATOR, tree.other_street),
    ):
        with pytest.raises(NotAllowed):
            join_records(actor, new)
    far = make_worker(tree.outside, name="周敏", phone="13900008888", id_number=id_for(ADULT))
    other = do_join(tree, phone="13900007777", id_number=far.id_number).worker
    with pytest.raises(NotAllowed):
        join_records(make_actor(Role.STREET_COORDINATOR, tree.street), other)


def test_not_over_an_account_that_no_code_opens(tree, coordinator):
    user = make_user(Role.COMMUNITY_COORDINATOR, tree.community)
    row, new = applied(tree, user_id=user.id)
    with pytest.raises(Conflict, match="工作账号"):
        join_records(coordinator, new)
    assert row.phone == OLD


def test_a_wrong_number_corrected(tree, coordinator):
    row, new = applied(tree)
    admission.send_back(coordinator, new, "请核对身份证号")
    other = make_worker(tree.community, name="周敏", id_number=id_for(ADULT))
    # Another one that is somebody's: again nothing is said.
    admission.correct(self_of(new), new, {"name": "陈素芬", "id_number": other.id_number})
    application = db.session.scalars(select(Application).where(Application.worker_id == new.id)).one()
    assert application.same_as_id == other.id
    assert new.id_number is None
    admission.send_back(coordinator, new, "还是不对")
    right = id_for(ADULT)
    admission.correct(self_of(new), new, {"name": "陈素芬", "id_number": right})
    assert new.id_number == right
    assert application.same_as_id is None
    admission.verify_identity(coordinator, new)
    assert gaps_of_applicant(new, application) == []
    assert row.phone == OLD


def test_the_coordinators_page(client, tree):
    row, new = applied(tree)
    user = make_user(Role.STREET_COORDINATOR, tree.street)
    db.session.commit()
    sign_in(client, user)
    page = text_of(client.get(f"/join/admission/{new.id}"))
    assert "填的身份证号已经登记在这位名下" in page
    assert "139****9999" in page
    assert "身份证号和别人的一样" in text_of(client.get("/join/admission"))
    answer = client.post(
        f"/join/admission/{new.id}/same", data={"csrf_token": token_in(page)}, follow_redirects=True
    )
    assert answer.request.path == f"/join/admission/{row.id}"
    assert "接到原来的登记了" in text_of(answer)
