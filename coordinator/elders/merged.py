"""A dossier that was taken into another one: whoever asks for it is led to the one that was kept."""

from __future__ import annotations

from flask_babel import gettext as _

from coordinator.kernel.errors import DomainError


class MergedAway(DomainError):
    """The dossier is part of `kept_id` now. A door leads there; where nothing can lead, it is said."""

    status = 410
    code = "merged"

    def __init__(self, kept_id: int) -> None:
        super().__init__(_("这份档案已经并入另一份。"), _("请打开保留的那一份。"))
        self.kept_id = kept_id
