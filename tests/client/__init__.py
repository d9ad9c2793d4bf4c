"""Tests of the client: lists and watches that survive, queues that retry, events that are counted."""
