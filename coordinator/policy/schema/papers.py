"""The paper forms of a document."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StrictInt, model_validator

from ..predicates import Strict
from .wording import Identifier, Quoted, Text


class FormField(Strict):
    """One line of a printed form. Labels and options are the document's."""

    key: Identifier
    label: Text
    type: Literal["text", "long_text", "number", "date", "choice", "multi", "signature"]
    options: tuple[Text, ...] = ()

    @model_validator(mode="after")
    def _options_where_chosen(self) -> FormField:
        if (self.type in {"choice", "multi"}) != bool(self.options):
            raise ValueError("options belong to the types choice and multi, and only to them")
        return self


class FormSection(Strict):
    """A part of a form; `rows` > 0 makes it a table whose columns are the fields."""

    title: Text | None = None
    rows: Annotated[StrictInt, Field(ge=0, le=20)] = 0
    fields_: tuple[FormField, ...] = Field(alias="fields", min_length=1)


class Form(Quoted):
    """A paper form: its copies, who keeps them, its fields. The quotation is the form's own footnote."""

    id: Identifier
    kind: Literal["registration", "record", "combined"]
    title: Text
    annex: Text
    copies: Annotated[StrictInt, Field(ge=1, le=9)]
    keepers: Annotated[tuple[Text, ...], Field(min_length=1)]
    note: Text | None = None
    sections: Annotated[tuple[FormSection, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _copy_for_each_keeper(self) -> Form:
        if len(self.keepers) != self.copies:
            raise ValueError(f"{self.copies} copies but {len(self.keepers)} keepers")
        keys = [field.key for section in self.sections for field in section.fields_]
        if len(set(keys)) != len(keys):
            raise ValueError("two fields have the same key")
        return self


class NamedForm(Quoted):
    """A form the document names or attaches whose fields are not at hand: it cannot be printed."""

    id: Identifier
    title: Text
    annex: Text | None = None
