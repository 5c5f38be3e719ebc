"""The kinds of text in a pack, and what the document says in its own words."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StrictInt, StrictStr, model_validator

from ..predicates import Strict

Text = Annotated[StrictStr, Field(min_length=1)]
PackName = Annotated[StrictStr, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
Identifier = Annotated[StrictStr, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)*$")]
Count = Annotated[StrictInt, Field(ge=1, le=31)]


class Quoted(Strict):
    """Something the document says, in its own words."""

    quote: Text
    mark: tuple[Text, ...] = ()

    @model_validator(mode="after")
    def _verbatim(self) -> Quoted:
        check_words(self.quote, self.mark)
        return self


def check_words(quote: str, mark: tuple[str, ...]) -> None:
    """Raise ValueError for white space in a quotation, or a mark that does not occur in it."""
    if any(character.isspace() for character in quote):
        raise ValueError("quote must be written without white space")
    for words in mark:
        if words not in quote:
            raise ValueError(f"mark 「{words}」 does not occur in the quote")
