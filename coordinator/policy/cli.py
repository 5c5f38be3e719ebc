"""`tanfang policy due` and `tanfang policy check`: the policy engine without server or database
(`tanfang policy store` is in `visits`).

Bad input ends with one line on standard error and exit code 2; nothing is printed before everything is computed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from datetime import date
from operator import attrgetter
from typing import IO, Any, NoReturn

import click

from .checks import faults, pack_faults, parent_of
from .engine import Calculation, Obligation
from .errors import PolicyError
from .packs import available_packs, load_pack
from .quotes import documents_of, quotations, wrong_quotations
from .registry import parse_date, read_registry, read_text
from .schema import Pack


class BadInput(click.ClickException):
    """One line on standard error, exit code 2."""

    exit_code = 2

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(" ".join(self.format_message().split()), file=file, err=file is None)


class OneLineCommand(click.Command):
    """A command whose usage errors are one line, too."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            raise BadInput(error.format_message()) from error


class Day(click.ParamType[date]):
    """A day written YYYY-MM-DD."""

    name = "YYYY-MM-DD"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        try:
            day = parse_date(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        assert isinstance(day, date)
        return day


def _refuse(error: PolicyError) -> NoReturn:
    raise BadInput(str(error)) from error


@click.group(name="policy")
def policy() -> None:
    """Rule packs: what is owed to whom, and whether a pack says what its document says."""


@policy.command(cls=OneLineCommand)
@click.option(
    "--pack", "pack_name", required=True, metavar="NAME|FILE", help="A pack's name or a .toml file."
)
@click.option(
    "--registry", "registry_file", required=True, metavar="FILE", help="Elders, contacts, events (JSON)."
)
@click.option("--from", "start", required=True, type=Day(), help="First day of the span.")
@click.option("--to", "end", required=True, type=Day(), help="Last day of the span.")
@click.option("--as-of", "as_of", required=True, type=Day(), help="The day on which the state is wanted.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list instead of a table.")
def due(pack_name: str, registry_file: str, start: date, end: date, as_of: date, as_json: bool) -> None:
    """Print every obligation whose period overlaps the span, sorted by elder, period start and rule."""
    if end < start:
        raise BadInput("--to: is before --from")
    try:
        pack = load_pack(pack_name)
        if pack_name.endswith(".toml") and (wrong := faults(pack)):
            raise PolicyError(f"{pack_name}: {wrong[0]}")
        registry = read_registry(registry_file)
    except PolicyError as error:
        _refuse(error)
    calculation = Calculation(pack, registry.events, start, end, as_of)
    found = (
        obligation
        for elder in sorted(registry.elders, key=attrgetter("id"))
        for obligation in calculation.for_elder(elder, registry.contacts.get(elder.id, ()))
    )
    # Everything that can be wrong has been checked by now: what is printed is printed whole.
    for text in _as_json(found) if as_json else _as_table(found, as_of):
        sys.stdout.buffer.write(text.encode("utf-8"))
    sys.stdout.buffer.flush()


def _as_json(found: Iterable[Obligation]) -> Iterator[str]:
    """One JSON list, one obligation a line, Chinese text as it is."""
    write = json.JSONEncoder(ensure_ascii=False).encode
    before = "["
    for obligation in found:
        yield before + write(obligation.as_dict())
        before = ",\n"
    yield "[]\n" if before == "[" else "]\n"


def _as_table(found: Iterable[Obligation], as_of: date) -> Iterator[str]:
    """Tab-separated lines for reading, with the words of the JSON output."""
    yield "elder\tperiod\trule\tlabel\tcounted\tstatus\n"
    for entry in found:
        state = str(entry.status)
        if detail := entry.reason or entry.blocked:
            state += f" ({detail})"
        elif days := entry.days_overdue(as_of):
            state += f" ({days} days)"
        period = f"{entry.period_from}..{entry.period_to}"
        counted = f"{entry.counted}/{entry.required}"
        yield "\t".join((entry.elder_id, period, entry.rule, entry.rule_label, counted, state)) + "\n"


@policy.command(cls=OneLineCommand)
@click.argument("packs", nargs=-1, metavar="[PACK]...")
@click.option(
    "--document",
    "documents",
    multiple=True,
    metavar="FILE",
    help="Text of the document, to compare the quotations with; again for that of the parent.",
)
def check(packs: tuple[str, ...], documents: tuple[str, ...]) -> None:
    """Validate rule packs (all that come with the system unless some are named).

    A local pack is compared with its parent and refused where it asks for less. Quotations are compared with
    the documents given, else with the texts in the folder POLICY_DOCUMENTS, each named after its pack.
    """
    if documents and len(packs) != 1:
        raise BadInput("--document: name the one pack to compare with it")
    lines = []
    try:
        for name in packs or available_packs():
            pack = load_pack(name)
            shown = name if name.endswith(".toml") else f"{name}.toml"
            parent = None if pack.parent is None else parent_of(pack, shown)
            found = [f"{shown}: {fault}" for fault in pack_faults(pack, parent)]
            texts = [(str(path), read_text(path)) for path in documents or documents_of(pack)]
            found += [f"{shown}: {fault}" for fault in wrong_quotations(pack, texts, parent)]
            if found:
                click.echo("\n".join(found), err=True)
                sys.exit(2)
            lines.append(_summary(pack, [path for path, _ in texts]))
    except PolicyError as error:
        _refuse(error)
    click.echo("\n".join(lines))


def _summary(pack: Pack, documents: list[str]) -> str:
    line = f"{pack.id} version {pack.version}, valid from {pack.valid_from}: "
    line += f"{len(pack.tiers)} tiers, {len(pack.obligations)} obligations, {len(pack.surge)} surge entries"
    if pack.parent is not None:
        line += f"; nowhere weaker than {pack.parent}"
    if documents:
        line += f"; {len(quotations(pack))} quotations, all found in {', '.join(documents)}"
    return line
