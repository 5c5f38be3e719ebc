"""`tanfang policy store`: a local rule pack becomes a version that areas can be put under."""

from __future__ import annotations

from pathlib import Path

import click
from flask.cli import with_appcontext

from coordinator.extensions import db
from coordinator.kernel.access import SYSTEM
from coordinator.kernel.errors import InvalidInput
from coordinator.visits import services


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@with_appcontext
def store(file: Path) -> None:
    """Store the rule pack in FILE (.toml) as a version; it holds from its own `valid_from` on.

    A pack with a `parent` is compared with the versions of the parent that are in force with it and refused
    where it asks for less. A stored version never changes: other words need another version number. Put an area
    under the pack with `tanfang areas set PATH --policy ID`.
    """
    try:
        content = file.read_bytes()
    except OSError as problem:
        raise InvalidInput(f"{file}: cannot be read ({problem.strerror})") from problem
    stored = services.store_pack(SYSTEM, content, str(file))
    db.session.commit()
    version = stored.version
    click.echo(f"{version.pack} version {version.version}, valid from {version.valid_from}: {version.sha256}")
    for name in stored.weaker:
        click.echo(
            f"{name}: is now weaker than its parent {version.pack}; store a stricter version", err=True
        )
