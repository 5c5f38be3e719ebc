"""When somebody does not go: no-shows and appeals, swaps, the search for a stand-in, reliability."""
