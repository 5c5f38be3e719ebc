"""What is done when somebody does not go: every verb flushes and writes its audit line, none commits."""
