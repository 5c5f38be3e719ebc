"""Looking at a finished plan without changing it: what would help each missing visit, what the area lacks."""
