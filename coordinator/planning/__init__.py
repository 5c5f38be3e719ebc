"""Plan runs, routes and their approval; the translation between rows and the routing engine."""
