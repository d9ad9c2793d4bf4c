"""printers: what `kubectl get` shows, worked out by the server.

A client that asks with `Accept: application/json;as=Table;g=meta.k8s.io;v=v1` gets no objects but columns and
cells. That is why `kubectl get` of any age shows new kinds, and custom ones, with sensible columns.

Reading order: `columns` (a column, a printer, the registry), `cells` (what kinds have in common), `pods` (the
longest rule), then `workloads`, `autoscaling`, `cluster`, `networking`, `storage`, `policies` (one function a
kind), `custom` (additionalPrinterColumns), `table` (the envelope).

To add a kind: one function with `@register` in the file of its neighbours.
Left out against the original: alpha kinds without a served version (StorageVersion, pod certificates).
"""

from kubekit.apiserver.printers import autoscaling, cluster, networking, pods, policies, storage, workloads
from kubekit.apiserver.printers.columns import REGISTRY, Column, Printer
from kubekit.apiserver.printers.table import printer_of, table

__all__ = [
    "REGISTRY",
    "Column",
    "Printer",
    "autoscaling",
    "cluster",
    "networking",
    "pods",
    "policies",
    "printer_of",
    "storage",
    "table",
    "workloads",
]
