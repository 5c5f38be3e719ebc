"""Finding, reading and validating rule packs (TOML files in `seeds/policy`)."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from pydantic import ValidationError

from .errors import PolicyError, first_fault
from .schema import Pack

PACK_FOLDER = Path(__file__).resolve().parents[2] / "seeds" / "policy"


def available_packs() -> list[str]:
    """The names of the packs that come with the system, sorted."""
    return sorted(path.stem for path in PACK_FOLDER.glob("*.toml"))


def load_pack(name_or_path: str | Path) -> Pack:
    """Load a pack by its name, or by the path of a `.toml` file.

    Raises PolicyError in one line that names file, element and field. A pack is read again only when its file
    has changed.
    """
    text = str(name_or_path)
    if text.endswith(".toml"):
        path = Path(text)
    elif text in available_packs():
        path = PACK_FOLDER / f"{text}.toml"
    else:
        known = ", ".join(available_packs())
        raise PolicyError(f"no rule pack {text!r}: give one of {known}, or the path of a .toml file")
    try:
        stat = path.stat()
    except OSError as error:
        raise PolicyError(f"{path}: cannot be read ({error.strerror})") from error
    return _load(path.resolve(), text, stat.st_mtime_ns, stat.st_size)


def current_pack(name: str) -> Pack:
    """The version of a pack that is in force now, as far as versions are kept; else the one that comes with the
    system. Raises PolicyError when there is none or it cannot be read.
    """
    for find in _kept:
        found = find(name)
        if found is not None:
            return found
    if name.endswith(".toml"):
        raise PolicyError(f"no rule pack {name!r}: a file is stored first, then named by its id")
    return load_pack(name)


def keep_versions_in(find: Callable[[str], Pack | None]) -> None:
    """Ask `find` for the version of a pack that is in force; it gives None where it keeps none. The site's
    versions lie in its database, which this package knows nothing of."""
    _kept[:] = [find]


_kept: list[Callable[[str], Pack | None]] = []


@lru_cache(maxsize=64)
def _load(path: Path, shown: str, mtime_ns: int, size: int) -> Pack:  # noqa: ARG001 -- the stat is the cache key
    shown = shown if shown.endswith(".toml") else path.name
    try:
        content = path.read_bytes()
    except OSError as error:
        raise PolicyError(f"{shown}: cannot be read ({error.strerror})") from error
    return parse_pack(content, shown)


def parse_pack(content: bytes, shown: str) -> Pack:
    """Read a pack from the bytes of its file; `shown` names it in errors.

    The same bytes give the same object, so that it is compiled once. Raises PolicyError.
    """
    digest = hashlib.sha256(content).hexdigest()
    found = _by_digest.get(digest)
    if found is None:
        found = _by_digest[digest] = _parse(content, digest, shown)
    return found


_by_digest: dict[str, Pack] = {}


def _parse(content: bytes, digest: str, shown: str) -> Pack:
    try:
        data = tomllib.loads(content.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise PolicyError(f"{shown}: byte {error.start + 1} is not UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"{shown}: not valid TOML: {error}") from error
    if "digest" in data:
        raise PolicyError(f"{shown}: digest: is computed from the file and cannot be given")
    try:
        return Pack.model_validate({**data, "digest": digest})
    except ValidationError as error:
        raise PolicyError(f"{shown}: {first_fault(error)}") from error
