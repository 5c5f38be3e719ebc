"""Comparing a pack's quotations with the document they are taken from."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from .schema import Pack

DOCUMENTS = "POLICY_DOCUMENTS"  # a folder of the documents' texts, each named after its pack (luzhou….txt)

_QUOTED_LISTS = (
    "categories",
    "tiers",
    "obligations",
    "mode_limits",
    "surge",
    "reports",
    "milestones",
    "forms",
    "named_forms",
    "clauses",
)


def without_space(text: str) -> str:
    """The text without any white space: line breaks of a printed page cut words anywhere."""
    return "".join(text.split())


def quotations(pack: Pack) -> list[tuple[str, str]]:
    """Everything in the pack that claims to be the document's words, each with its place in the pack."""
    found = [("document.title", pack.document.title)]
    if pack.document.quote_parent:
        found.append(("document.quote_parent", pack.document.quote_parent))
    for name in ("epidemic", "consent", "register_"):
        entry = getattr(pack, name)
        if entry is not None:
            found.append((f"{name.rstrip('_')}.quote", entry.quote))
    for name in _QUOTED_LISTS:
        found += [
            (f"{name}[{i}].quote", entry.quote)
            for i, entry in enumerate(getattr(pack, name))
            if entry.quote is not None
        ]
    found += [(f"named_forms[{i}].title", form.title) for i, form in enumerate(pack.named_forms)]
    for i, form in enumerate(pack.forms):
        found.append((f"forms[{i}].title", form.title))
        for j, section in enumerate(form.sections):
            place = f"forms[{i}].sections[{j}]"
            if section.title:
                found.append((f"{place}.title", section.title))
            for k, field in enumerate(section.fields_):
                found.append((f"{place}.fields[{k}].label", field.label))
                found += [(f"{place}.fields[{k}].options", option) for option in field.options]
    return found


def missing_quotations(pack: Pack, document: str, parent: Pack | None = None) -> list[tuple[str, str]]:
    """The quotations that the document's text does not hold word for word, white space aside.

    Text that follows the document in the same file (`document.ends_before`) is not the document.
    """
    text = without_space(document)
    for one in (pack, parent):
        if one is not None and one.document.ends_before:
            text = text.partition(without_space(one.document.ends_before))[0]
    return [(place, words) for place, words in quotations(pack) if without_space(words) not in text]


def documents_of(pack: Pack) -> list[Path]:
    """The texts at hand of the pack's document and its parent's; none when its own is not at hand."""
    folder = os.environ.get(DOCUMENTS)
    if not folder:
        return []
    own = sorted(Path(folder).glob(f"{pack.id}*.txt"))
    if not own or pack.parent is None:
        return own
    return own + sorted(Path(folder).glob(f"{pack.parent}*.txt"))


def wrong_quotations(
    pack: Pack, documents: Sequence[tuple[str, str]], parent: Pack | None = None
) -> list[str]:
    """One line, with its place in the pack, for each quotation that stands in none of the documents (name and
    text of each); none where no document is given."""
    if not documents:
        return []
    names = ", ".join(name for name, _ in documents)
    missing = [dict(missing_quotations(pack, text, parent)) for _, text in documents]
    return [
        f"{place}: not in {names}: {words}"
        for place, words in missing[0].items()
        if all(place in others for others in missing)
    ]
