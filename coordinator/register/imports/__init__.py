"""Lists of other offices: their columns, how a row is matched with the register, and how it is kept beside it."""
