"""Forms of the register."""

from coordinator.elders.forms.acts import (
    AnswerForm,
    ConsentForm,
    DeviceForm,
    FirstContactForm,
    PaperForm,
    RemovePaperForm,
)
from coordinator.elders.forms.dossier import CONTACT_ROWS, MEMBER_ROWS, ElderForm
from coordinator.elders.forms.fields import TruthField, typed_right

__all__ = [
    "CONTACT_ROWS",
    "MEMBER_ROWS",
    "AnswerForm",
    "ConsentForm",
    "DeviceForm",
    "ElderForm",
    "FirstContactForm",
    "PaperForm",
    "RemovePaperForm",
    "TruthField",
    "typed_right",
]
