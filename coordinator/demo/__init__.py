"""The demo: one invented street with its people and two months of history, made through the services.

Everything follows from one seed and today's date. Each moment of the history is lived through with the clock
stopped at it, so that the demo obeys the same rules as the site.
"""
