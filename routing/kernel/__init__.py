"""The compiled kernel of the engine: ruin and recreate on real routes, for days and months."""
