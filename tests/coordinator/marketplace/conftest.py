"""The street of the fieldwork tests: who claims today carries out tomorrow."""

from tests.coordinator.fieldwork.conftest import Field, field, later, signed_in

__all__ = ["Field", "field", "later", "signed_in"]
