"""The form of a rule pack (TOML). A pack says how much; the code says how.

Every statement taken from the document carries its verbatim quotation (`quote`, white space removed) and,
where a page underlines something, the deciding words (`mark`). What the document leaves open is a setting
with its explanation, labelled as an interpretation.
"""

from .pack import Pack
from .papers import Form, FormField, FormSection
from .settings import HALF_MONTH_LAST_DAY, HIGH_AGE

__all__ = ["HALF_MONTH_LAST_DAY", "HIGH_AGE", "Form", "FormField", "FormSection", "Pack"]
