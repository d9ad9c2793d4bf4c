"""Typical wrong answers of chapter 06; see `mistakes`."""

from __future__ import annotations

WRONG: dict[str, tuple[str, str, str, str, str]] = {}
