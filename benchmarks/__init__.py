"""What is measured: each module is one command of the Makefile and prints its figures."""
