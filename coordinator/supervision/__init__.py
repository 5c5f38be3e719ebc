"""What county and city see: the monthly visit rate (月探访率) and its snapshots."""
