"""The append-only hours ledger, school verification and certificates."""
