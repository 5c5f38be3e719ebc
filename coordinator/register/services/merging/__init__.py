"""Two dossiers of one person become one, after a person compared them. Nothing is erased: the closed dossier stays
with its versions and leads to the one that is kept, and `Merge.before` holds it as it stood.
"""

from coordinator.register.services.merging.fates import FATES
from coordinator.register.services.merging.merge import merge_dossiers, say_different

__all__ = ["FATES", "merge_dossiers", "say_different"]
