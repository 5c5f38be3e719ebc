"""The Flask extensions, created unbound; `create_app` binds them. Importing this has no side effect."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from flask_babel import Babel
from flask_login import LoginManager
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from flask_wtf.csrf import CSRFProtect
from sqlalchemy import BigInteger, DateTime, Enum, MetaData
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeEngine

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Base of all models; `int` keys are bigint, datetimes carry a time zone, dicts are JSONB."""

    metadata = MetaData(naming_convention=NAMING)


def stored(enum: type[StrEnum], check: str | None = None) -> TypeEngine[StrEnum]:
    """Column type of a StrEnum: stored by value, with a CHECK constraint that lists the values.

    `check` names the constraint where a table has two columns of the same enum.
    """
    return Enum(
        enum,
        native_enum=False,
        create_constraint=True,
        length=40,
        name=check or f"{enum.__name__.lower()}_known",
        values_callable=lambda members: [member.value for member in members],
    )


Base.registry.update_type_annotation_map(
    {int: BigInteger, dict[str, Any]: JSONB, list[Any]: JSONB, datetime: DateTime(timezone=True)}
)


class Database(SQLAlchemy):
    """Sessions that can be put away although the database has just died.

    A rollback on a dead connection raises. After the answer of a request is made, that would replace it by a bare
    500: somebody whose claim was committed would be told otherwise.
    """

    def take_back(self) -> None:
        """Roll back; when the connection is dead, and its transaction with it, begin with a fresh session."""
        try:
            self.session.rollback()
        except DBAPIError:
            self.session.registry.clear()

    def _teardown_session(self, exc: BaseException | None) -> None:
        try:
            self.session.remove()
        except DBAPIError:
            self.session.registry.clear()


db = Database(model_class=Base, disable_autonaming=True)
login_manager = LoginManager()
babel = Babel()
csrf = CSRFProtect()
migrate = Migrate()
