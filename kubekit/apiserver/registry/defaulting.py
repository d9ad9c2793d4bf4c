"""Defaulting: fill in what a manifest leaves out, kind by kind, as decoding does in the real server.

Delegates to `kubekit.api.defaults`; kinds without defaults stay as they are.
"""

from __future__ import annotations

from kubekit.api.defaults import apply_defaults

__all__ = ["apply_defaults"]
