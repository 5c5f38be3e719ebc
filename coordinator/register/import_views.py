"""The pages of the imports of other offices' lists, one set for each source."""

from __future__ import annotations

from flask import Blueprint

from coordinator.elders.imports.pages import import_pages
from coordinator.register.imports.importers import IMPORTERS

bp = Blueprint("sources", __name__, url_prefix="/register/lists")
for source, importer in IMPORTERS.items():
    bp.register_blueprint(import_pages(importer, source.value, f"/{source.value}", within="sources"))
