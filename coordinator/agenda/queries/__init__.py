"""Reading when somebody goes where, whom to tell, and what did not arrive."""
