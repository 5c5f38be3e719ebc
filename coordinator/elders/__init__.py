"""The register: elders, households, categories, consent, contact people, and the import of spreadsheets."""
