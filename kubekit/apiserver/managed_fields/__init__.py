"""Managed fields: who set which field of an object, and server-side apply, which is built on it.

Every write leaves a trace in metadata.managedFields: the fields it set, by manager. An apply names exactly
the fields it wants; naming a field that another manager set to something else is a conflict, and leaving
out a field that it named before removes it.

Reading order: `shape` (what is a leaf, how list items are named), `field_set` (sets of fields and their
arithmetic), `compare` (what differs between two objects), `merge` (a configuration over an object),
`managers` (the entries), `updater` (who owns what after a change), `check` (the types of a configuration),
`last_applied` (kubectl's annotation), and at last `tracking`, the only file that the verbs call.

Left out against the original: reconciling old entries with a changed schema (atomic to granular and back).
"""

from kubekit.apiserver.managed_fields.tracking import applied, gvk, on_create, on_update

__all__ = ["applied", "gvk", "on_create", "on_update"]
