"""The English catalogue: `update` after changing interface strings, then fill in what it lists; `check` as CI does.

The source strings are Chinese and are the message ids. Nothing is guessed: a changed string is a new, empty entry,
so that no stale translation survives unnoticed.
"""

import os
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_file
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from jinja2 import TemplateSyntaxError

ROOT = Path(__file__).resolve().parent.parent
TRANSLATIONS = ROOT / "coordinator" / "translations"
LANGUAGES = ("en",)
KEYWORDS = {
    "_": None,
    "_l": None,
    "gettext": None,
    "lazy_gettext": None,
    "ngettext": (1, 2),
    "lazy_ngettext": (1, 2),
}
# Which files are read, and how.
SOURCES = (("coordinator", "*.py", "python"), ("templates", "*.html", "jinja2"))
# Only what readers of the file need; no dates, which would differ after each run.
HEADER = """\
# English interface of Tanfang. Written by `make catalogue`; only the translations are edited by hand.
msgid ""
msgstr ""
"Language: {language}\\n"
"Plural-Forms: {plurals}\\n"
"Content-Type: text/plain; charset=utf-8\\n"

"""
PLACEHOLDER = re.compile(r"%\((\w+)\)[a-z]")
CHINESE = re.compile(r"[\u3000-\u303f\u3400-\u9fff\uff01-\uff5e]")


def extract() -> Catalog:
    """All interface strings of the code and the templates, in memory."""
    found = Catalog(project="Tanfang", charset="utf-8")
    for folder, pattern, method in SOURCES:
        for path in sorted((ROOT / folder).rglob(pattern)):
            where = path.relative_to(ROOT).as_posix()
            try:
                messages = extract_from_file(method, path, keywords=KEYWORDS, options={"silent": "false"})
            except TemplateSyntaxError as problem:
                raise SystemExit(f"{where}:{problem.lineno}: {problem.message}") from None
            for line, message, _comments, context in messages:
                found.add(message, None, [(where, line)], context=context)
    return found


def catalogue_file(language: str) -> Path:
    """The committed catalogue of a language."""
    return TRANSLATIONS / language / "LC_MESSAGES" / "messages.po"


def read(language: str) -> Catalog:
    """The catalogue as it is stored; empty when there is none yet."""
    path = catalogue_file(language)
    if not path.exists():
        return Catalog(locale=language, project="Tanfang", charset="utf-8", fuzzy=False)
    with path.open("rb") as file:
        return read_po(file, locale=language)


def written(catalogue: Catalog) -> bytes:
    """The catalogue as text. Places are left out: a search finds them, and they would change with every edit."""
    out = BytesIO()
    options = {"width": 110, "no_location": True, "sort_output": True, "ignore_obsolete": True}
    write_po(out, catalogue, omit_header=True, **options)
    return (
        HEADER.format(language=catalogue.locale or "", plurals=catalogue.plural_forms).encode()
        + out.getvalue()
    )


def update(language: str) -> list[str]:
    """Bring the stored catalogue to the strings of the code; returns what still has to be translated."""
    catalogue = read(language)
    catalogue.update(extract(), no_fuzzy_matching=True)
    path = catalogue_file(language)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(written(catalogue))
    return [text_of(message) for message in entries(catalogue) if not all(translations(message))]


def compile_stale() -> None:
    """Compile every catalogue that is newer than its compiled form."""
    for language in LANGUAGES:
        source = catalogue_file(language)
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime >= source.stat().st_mtime:
            continue
        fresh = target.with_suffix(f".{os.getpid()}.new")
        with fresh.open("wb") as file:
            write_mo(file, read(language))
        fresh.replace(target)


def problems(catalogue: Catalog, found: Catalog) -> list[str]:
    """Everything that keeps a catalogue from being complete and right, one line each."""
    known = {message.id for message in entries(catalogue)}
    wanted = {message.id for message in entries(found)}
    lines = [f"missing: {text_of(message)}" for message in entries(found) if message.id not in known]
    lines += [f"no longer used: {text_of(m)}" for m in entries(catalogue) if m.id not in wanted]
    lines += [f"no longer used: {text_of(message)}" for message in catalogue.obsolete.values()]
    for message in entries(catalogue):
        lines += [f"{what}: {text_of(message)}" for what in _faults(message)]
    return lines


def entries(catalogue: Catalog) -> Iterator[Message]:
    """The messages without the header."""
    return (message for message in catalogue if message.id)


def text_of(message: Message) -> str:
    """The source string (the singular one of two)."""
    return message.id if isinstance(message.id, str) else message.id[0]


def translations(message: Message) -> tuple[str, ...]:
    """The translation, or the forms of a counted one."""
    if isinstance(message.id, str):
        return (str(message.string or ""),)
    return tuple(message.string or ("",))


def _faults(message: Message) -> Iterator[str]:
    if message.fuzzy:
        yield "fuzzy"
    names = set(PLACEHOLDER.findall(text_of(message)))
    for translation in translations(message):
        if not translation:
            yield "not translated"
            continue
        # A form of one may name no number ("one visit"), never a name the source does not have.
        used = set(PLACEHOLDER.findall(translation))
        if used - names or (isinstance(message.id, str) and used != names):
            yield "other placeholders"
        if CHINESE.search(PLACEHOLDER.sub("", translation)):
            yield "Chinese in the English text"
        if names and not _fills(translation):
            yield "placeholders cannot be filled"
    if names and not _fills(text_of(message)):
        yield "placeholders cannot be filled in the source"


def _fills(text: str) -> bool:
    try:
        return bool(text % defaultdict(int))
    except (TypeError, ValueError):
        return False


def main(arguments: list[str]) -> int:
    """`extract` prints the strings, `update` rewrites the catalogue, `check` fails when it is not complete."""
    command = arguments[0] if len(arguments) == 1 else "help"
    if command == "extract":
        sys.stdout.buffer.write(written(extract()))
    elif command == "update":
        for language in LANGUAGES:
            open_ones = update(language)
            for line in open_ones:
                print(f"{language}: to be translated: {line}")
            print(f"{language}: {len(open_ones)} to be translated, in {catalogue_file(language)}")
        compile_stale()
    elif command == "compile":
        compile_stale()
    elif command == "check":
        found = extract()
        lines = [f"{language}: {line}" for language in LANGUAGES for line in problems(read(language), found)]
        print("\n".join(lines) or "the catalogue is complete")
        return 1 if lines else 0
    else:
        print("usage: python tools/catalogue.py extract|update|check|compile", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
