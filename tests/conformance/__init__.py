"""Replays what the real components answered (`golden/`) and counts agreements."""
