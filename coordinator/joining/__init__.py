"""How somebody joins: codes to a phone, invitations, the application, and the guardian's own link."""
