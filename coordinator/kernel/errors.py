"""Domain errors: raised by services, turned into pages, form errors or JSON in one place (`app.py`).

`message` says what happened and `remedy` what the reader can do, both in the user's language.
"""

from __future__ import annotations


class DomainError(Exception):
    """Base of all refusals the user may see. `code` is stable; `status` is the HTTP status of its page."""

    status = 400
    code = "refused"

    def __init__(self, message: str, remedy: str = "", *, code: str | None = None, field: str | None = None):
        super().__init__(str(message))
        self.message = message
        self.remedy = remedy
        self.field = field
        if code is not None:
            self.code = code

    @property
    def whole(self) -> str:
        """Message and remedy as one text; a Chinese full stop needs no space after it."""
        message, remedy = str(self.message), str(self.remedy)
        between = "" if not (message and remedy) or message[-1] in "。！？" else " "
        return f"{message}{between}{remedy}"


class InvalidInput(DomainError):
    """What was typed cannot be taken; `field` names the form field where there is one."""

    status = 422
    code = "invalid_input"


class NotAllowed(DomainError):
    """The actor may not do this to this object."""

    status = 403
    code = "not_allowed"


class NotFound(DomainError):
    """No such object within the actor's scope (also said of objects outside it)."""

    status = 404
    code = "not_found"


class Conflict(DomainError):
    """The object has changed meanwhile, or a rule of the domain forbids the move."""

    status = 409
    code = "conflict"


class TooMany(DomainError):
    """A rate limit was reached; `retry_after` is in seconds."""

    status = 429
    code = "too_many"

    def __init__(self, message: str, remedy: str = "", *, retry_after: int, code: str | None = None):
        super().__init__(message, remedy, code=code)
        self.retry_after = retry_after


class Unavailable(DomainError):
    """A part of the system is away for the moment; trying again later may help."""

    status = 503
    code = "unavailable"
