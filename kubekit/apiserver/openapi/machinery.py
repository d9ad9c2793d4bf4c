"""Types that belong to the machinery and not to any resource: discovery documents, watch events, the version.

The compiled schema does not know them, since nobody stores them; the documents refer to them. A field is
written as in the schema's data: `*` in front for one that may be missing, `[]` for a list, `@` for a
structure. Called by `schemas` alone. Upstream: apimachinery/pkg/apis/meta/v1, apimachinery/pkg/version.
"""

from __future__ import annotations

_TYPE_META = {"apiVersion": "*string", "kind": "*string"}
_ADDRESSES = {"serverAddressByClientCIDRs": "*[]@meta.v1.ServerAddressByClientCIDR"}

STRUCTURES: dict[str, dict[str, str]] = {
    "meta.v1.APIGroup": {
        **_TYPE_META,
        "name": "string",
        "versions": "[]@meta.v1.GroupVersionForDiscovery",
        "preferredVersion": "*@meta.v1.GroupVersionForDiscovery",
        **_ADDRESSES,
    },
    "meta.v1.APIGroupList": {**_TYPE_META, "groups": "[]@meta.v1.APIGroup"},
    "meta.v1.APIVersions": {
        **_TYPE_META,
        "versions": "[]string",
        "serverAddressByClientCIDRs": "[]@meta.v1.ServerAddressByClientCIDR",
    },
    "meta.v1.GroupVersionForDiscovery": {"groupVersion": "string", "version": "string"},
    "meta.v1.ServerAddressByClientCIDR": {"clientCIDR": "string", "serverAddress": "string"},
    "meta.v1.WatchEvent": {"type": "string", "object": "@runtime.RawExtension"},
    "version.Info": {
        "major": "string",
        "minor": "string",
        "emulationMajor": "*string",
        "emulationMinor": "*string",
        "minCompatibilityMajor": "*string",
        "minCompatibilityMinor": "*string",
        "gitVersion": "string",
        "gitCommit": "string",
        "gitTreeState": "string",
        "buildDate": "string",
        "goVersion": "string",
        "compiler": "string",
        "platform": "string",
    },
}
"""Structure -> field -> type."""

KINDS = {"meta.v1.APIGroup", "meta.v1.APIGroupList", "meta.v1.APIVersions"}
"""Those of them that are kinds of the core group."""
