"""Files sent to the browser: names with Chinese characters in the one form that servers and browsers accept."""

from __future__ import annotations

from io import BytesIO

from flask import Response, send_file

from coordinator.kernel.spreadsheet import Sheet


def send_sheet(sheet: Sheet) -> Response:
    """A spreadsheet to be saved."""
    return send_file(
        BytesIO(sheet.content), mimetype=sheet.mimetype, as_attachment=True, download_name=sheet.filename
    )


def send_pdf(content: bytes, filename: str) -> Response:
    """A paper to be looked at and printed."""
    return send_file(BytesIO(content), mimetype="application/pdf", download_name=filename)
