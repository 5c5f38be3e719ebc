"""Papers: route sheets and certificates as PDF.

Callers fill a frozen dataclass of :mod:`.papers` and call :func:`print_paper`; the layout is a typst template
under ``templates/<feature>/``. Data reach the template as JSON, never as source, so that no name can become
code. Papers are Chinese documents in every interface language and are therefore not translated.
"""

from coordinator.kernel.printing.engine import (
    PrintingError,
    print_paper,
    print_pngs,
    render_pdf,
    render_pngs,
)
from coordinator.kernel.printing.papers import (
    Certificate,
    CertificateRow,
    PaperError,
    RouteSheet,
    RouteStop,
    TeamDay,
)
from coordinator.kernel.printing.routemap import MapStop, RouteMap

__all__ = [
    "Certificate",
    "CertificateRow",
    "MapStop",
    "PaperError",
    "PrintingError",
    "RouteMap",
    "RouteSheet",
    "RouteStop",
    "TeamDay",
    "print_paper",
    "print_pngs",
    "render_pdf",
    "render_pngs",
]
