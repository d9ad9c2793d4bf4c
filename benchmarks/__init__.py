"""Figures, not tests: `make bench` prints them as one table."""
