"""Defaulting: fill in what a manifest leaves out, kind by kind, as decoding does in the real server.

Delegates to `kubekit.api.defaults`; kinds without defaults stay as they are.
"""

from __future__ import annotations

from typing import Any

from kubekit.api import defaults

Obj = dict[str, Any]


def apply_defaults(obj: Obj) -> None:
    """Fill in defaults in place."""
    defaults.apply_defaults(obj)
