"""Validation of addresses that traffic may be sent to.

Called by services, endpoints and endpoint slices.
Source: pkg/apis/core/validation (ValidateEndpointIP).
"""

from __future__ import annotations

from kubekit.api.field_path import FieldError, Path, invalid
from kubekit.apiserver.validation.paths import parse_sloppy


def endpoint_ip(text: str, path: Path) -> list[FieldError]:
    """Not unspecified, not loopback, not link-local."""
    ip = parse_sloppy(text)
    if ip is None:
        return [invalid(path, text, "must be a valid IP address")]
    if ip.is_unspecified:
        return [invalid(path, text, f"may not be unspecified ({text})")]
    if ip.is_loopback:
        return [invalid(path, text, "may not be in the loopback range (127.0.0.0/8, ::1/128)")]
    if ip.is_link_local:
        return [invalid(path, text, "may not be in the link-local range (169.254.0.0/16, fe80::/10)")]
    plain = str(ip)
    if plain.startswith("224.0.0.") or (ip.version == 6 and ip.is_multicast and plain.startswith("ff02:")):
        return [invalid(path, text, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)")]
    return []
