"""kubekit: a Kubernetes control plane in one process, to hold in one hand and look into.

    import kubekit
    cluster = kubekit.up(workers=2)

Everything public is reached from here and loaded when it is first used, so that importing costs nothing. In
IPython the magics (`%kubectl` and its like) and the one-line errors come with the import.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kubekit.cluster import Cluster, KubekitError, Settings, current, up, use

__version__ = "0.1.0"

__all__ = ["Cluster", "KubekitError", "Settings", "__version__", "current", "up", "use"]

_HOMES = {
    "Cluster": "kubekit.cluster",
    "KubekitError": "kubekit.cluster",
    "Settings": "kubekit.cluster",
    "current": "kubekit.cluster",
    "up": "kubekit.cluster",
    "use": "kubekit.cluster",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'kubekit' has no attribute {name!r}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


def _greet_shell() -> None:
    """In IPython: one-line errors, a cluster shown as its map, and the magics."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None:
        return
    importlib.import_module("kubekit.cluster.errors").install(shell)
    importlib.import_module("kubekit.cluster.presentation").register(
        lambda cluster: importlib.import_module("kubekit.views").present(cluster)
    )
    try:
        magics = importlib.import_module("kubekit.terminal.magics")
    except ImportError:
        return
    magics.load_ipython_extension(shell)


_greet_shell()
