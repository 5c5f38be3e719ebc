"""What joining writes: codes, invitations, applications, the guardian's consent."""
