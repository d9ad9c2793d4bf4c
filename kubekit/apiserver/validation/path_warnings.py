"""Warnings about volumes that write two things to one path, or one inside of the other.

Source: pkg/api/pod/warnings.go (warningsForOverlappingVirtualPaths).
"""

from __future__ import annotations

from kubekit.api.field_path import go_quote
from kubekit.api.meta import Obj

Place = tuple[str, str]
"""(path, what writes it; empty where the volume has only one source)."""


def _text(place: Place) -> str:
    path, source = place
    return f"{go_quote(path)} ({source})" if source else go_quote(path)


def _overlaps(places: list[Place]) -> list[str]:
    found: list[str] = []
    seen: list[Place] = []
    for path, source in places:
        place = (path.rstrip("/"), source)
        if place[0]:
            for other in seen:
                one, two = f"{place[0]}/", f"{other[0]}/"
                if other[0] and (two.startswith(one) or one.startswith(two)):
                    found.append(f"{_text(place)} with {_text(other)}")
        seen.append(place)
    return found


def _items(source: Obj, name: str = "") -> list[Place]:
    return [(item.get("path", ""), name) for item in source.get("items") or ()]


def _projected(source: Obj) -> list[Place]:
    if (config := source.get("configMap")) is not None and config.get("items") is not None:
        return _items(config, f"ConfigMap {go_quote(config.get('name', ''))}")
    if (secret := source.get("secret")) is not None and secret.get("items") is not None:
        return _items(secret, f"Secret {go_quote(secret.get('name', ''))}")
    if (downward := source.get("downwardAPI")) is not None and downward.get("items") is not None:
        return _items(downward, "DownwardAPI")
    if (token := source.get("serviceAccountToken")) is not None:
        return [(token.get("path", ""), "ServiceAccountToken")]
    if (bundle := source.get("clusterTrustBundle")) is not None:
        name = bundle.get("name") if bundle.get("name") is not None else bundle.get("signerName", "")
        return [(bundle.get("path", ""), f"ClusterTrustBundle {go_quote(name)}")]
    if (certificate := source.get("podCertificate")) is not None:
        parts = (
            ("certificateChainPath", "chain"),
            ("keyPath", "key"),
            ("credentialBundlePath", "credential bundle"),
        )
        return [
            (certificate[field], f"PodCertificate {noun}") for field, noun in parts if certificate.get(field)
        ]
    return []


def path_warnings(volumes: list[Obj]) -> list[str]:
    """The warnings of a pod's volumes."""
    found: list[str] = []
    for volume in volumes:
        name = go_quote(volume.get("name", ""))
        for field, noun, key in (
            ("configMap", "ConfigMap", "name"),
            ("secret", "Secret", "secretName"),
            ("downwardAPI", "DownwardAPI", ""),
        ):
            if source := volume.get(field):
                shown = f"{noun} {go_quote(source.get(key, ''))}" if key else noun
                found += [
                    f"volume {name} ({shown}): overlapping paths: {text}"
                    for text in _overlaps(_items(source))
                ]
        if (projected := volume.get("projected")) is not None:
            places: list[Place] = []
            for source in projected.get("sources") or ():
                if not source:
                    found.append(f"volume {name} (Projected) has no sources provided")
                places += _projected(source)
            found += [f"volume {name} (Projected): overlapping paths: {text}" for text in _overlaps(places)]
    return found
