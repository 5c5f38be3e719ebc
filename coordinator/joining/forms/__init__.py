"""What the forms of joining accept, in which words they refuse."""
