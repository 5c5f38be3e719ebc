"""A whole import in one call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import pytest

from coordinator.elders.imports import applying, batches, checking
from coordinator.elders.imports.elders import ELDERS
from coordinator.elders.imports.importer import Importer
from coordinator.elders.models import ImportBatch
from coordinator.extensions import db
from coordinator.kernel.access import SYSTEM
from coordinator.kernel.areas import Area
from coordinator.kernel.geo import Datum
from tests import factories
from tests.coordinator.elders.imports.lists import xlsx

if TYPE_CHECKING:
    from sqlalchemy.orm import Session, scoped_session

Importing = Callable[..., ImportBatch]


@pytest.fixture
def tree(committed_db: Any) -> factories.AreaTree:
    """A tree of areas that is committed."""
    found = factories.make_area_tree()
    db.session.commit()
    return found


@pytest.fixture
def check(committed_db: scoped_session[Session]) -> Importing:
    """`check(area, rows or bytes)` uploads and checks; returns the batch."""

    def run(
        area: Area,
        content: bytes | Sequence[Sequence[Any]],
        *,
        importer: Importer = ELDERS,
        datum: Datum = Datum.WGS84,
        actor: Any = SYSTEM,
        organisation_id: int | None = None,
    ) -> ImportBatch:
        data = content if isinstance(content, bytes) else xlsx(content)
        batch = batches.upload(importer, actor, area, "名单.xlsx", data, datum, organisation_id)
        db.session.commit()
        checking.check(importer, batch.id)
        return db.session.get_one(ImportBatch, batch.id)

    return run


@pytest.fixture
def take(committed_db: scoped_session[Session]) -> Importing:
    """`take(batch)` takes the usable rows over; returns the batch."""

    def run(batch: ImportBatch, *, importer: Importer = ELDERS, actor: Any = SYSTEM) -> ImportBatch:
        batches.take_over(importer, actor, batch, partly=True)
        db.session.commit()
        applying.take(importer, batch.id, actor.user_id)
        return db.session.get_one(ImportBatch, batch.id)

    return run
