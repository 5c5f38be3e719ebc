"""Students whose school is in the system, and those whose school is not yet."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from coordinator.accounts.models import OrganisationKind
from coordinator.extensions import db
from coordinator.joining.services.admission import link_school
from coordinator.kernel.access import Role
from coordinator.kernel.errors import Conflict, InvalidInput
from coordinator.messages.models import Message
from coordinator.workforce.models import WorkerKind
from coordinator.workforce.services import edit_worker
from tests.coordinator.joining.conftest import id_for
from tests.coordinator.joining.ways import ADULT, details, do_join, only_worker, prove, text_of
from tests.factories import make_actor, make_area_tree, make_organisation, make_user, sign_in


@pytest.fixture
def tree(db_session):
    return make_area_tree()


def student(**over):
    return details(student_class="高一 2 班", student_number="17") | over


def test_a_school_that_is_not_in_the_system(client, send, tree):
    """The student writes its name; the coordinator sees it and links it when the school is there."""
    _answer, address = prove(client, send, tree, kind="student")
    page = text_of(client.get(address))
    assert "学校全名" in page
    assert 'name="school_id"' not in page
    answer = send(address, student(school_named="中学"))
    assert answer.status_code == 422
    assert "请填学校的全名" in text_of(answer)
    answer = send(address, student(school_named=" 江北第九中学 "))
    assert answer.request.path == "/join/mine"
    assert "江北第九中学" in text_of(answer)
    worker = only_worker()
    assert (worker.organisation_id, worker.school_named) == (None, "江北第九中学")

    keeper = make_user(Role.COMMUNITY_COORDINATOR, tree.community)
    db.session.commit()
    sign_in(client, keeper)
    assert "江北第九中学（没接上）" in text_of(client.get("/join/admission"))
    page = text_of(client.get(f"/join/admission/{worker.id}"))
    assert "这里还没有登记学校" in page
    school = make_organisation(tree.county, name="江北九中")
    elsewhere = make_organisation(tree.province, name="外地中学")
    verifier = make_user(Role.SCHOOL_VERIFIER, None, school)
    db.session.commit()
    where = f"/join/admission/{worker.id}"
    for wrong in ("", "0", str(worker.id + 10_000)):
        answer = send(f"{where}/school", {"school_id": wrong}, page=where)
        assert "请选一所学校" in text_of(answer)
    answer = send(f"{where}/school", {"school_id": str(school.id)}, page=where)
    assert "接上江北九中了" in text_of(answer)
    db.session.expire_all()
    assert (worker.organisation_id, worker.school_named) == (school.id, None)
    assert db.session.scalars(select(Message).where(Message.user_id == verifier.id)).one()
    with pytest.raises(Conflict):
        link_school(make_actor(Role.COMMUNITY_COORDINATOR, tree.community), worker, elsewhere)


def test_a_listed_school_or_another(client, send, tree):
    school = make_organisation(tree.county, name="滨河中学")
    _answer, address = prove(client, send, tree, kind="student")
    assert "没有我的学校" in text_of(client.get(address))
    answer = send(address, student(school_id="other"))
    assert "请填学校的全名" in text_of(answer)
    assert send(address, student(school_id="", school_named="江北第九中学")).status_code == 422
    answer = send(address, student(school_id=str(school.id), school_named="江北第九中学"))
    assert answer.request.path == "/join/mine"
    assert (only_worker().organisation_id, only_worker().school_named) == (school.id, None)


def test_a_linked_school_must_be_of_the_area(tree):
    number = id_for(ADULT)
    joined = do_join(tree, kind=WorkerKind.STUDENT, id_number=number, school_named="江北第九中学")
    elsewhere = make_organisation(make_area_tree().community, name="外地中学")
    actor = make_actor(Role.COMMUNITY_COORDINATOR, tree.community)
    with pytest.raises(InvalidInput):
        link_school(actor, joined.worker, elsewhere)
    # Other changes leave the name as it is; a company is no school.
    edit_worker(actor, joined.worker, {"notes": "周末"}, keep_organisation=False)
    assert joined.worker.school_named == "江北第九中学"
    company = make_organisation(tree.community, kind=OrganisationKind.PROPERTY_COMPANY)
    with pytest.raises(InvalidInput, match="在校学生要选"):
        edit_worker(actor, joined.worker, {}, organisation=company, keep_organisation=False)
