"""What is done on visits under way and to their records: every verb flushes, none commits."""
