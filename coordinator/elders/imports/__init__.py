"""Taking over spreadsheets: read, understand, check row by row (dry run), apply in one transaction.

From the file to the register: `reading` (bytes → rows, in a process of its own) → `columns` and `values` (cells →
values) → `checking` (what would happen to each row) → `applying` (rows → register). `importer` is what the kinds
have in common; elders are here, workers in `coordinator.workforce.imports`.

This file stays empty of imports: the reading process must start quickly and know nothing else.
"""
