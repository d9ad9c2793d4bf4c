"""kustomize: manifests put together from bases, generators, patches and transformers, without templates.

`build(files, "overlays/dev")` gives what `kubectl kustomize` prints and `kubectl apply -k` applies.

Reading order: `build` (one folder after the other), `generators` (ConfigMaps and Secrets, and the hash in
their names), `patches`, `transformers` (namespace, names, labels, images, ...), `references` (names that
follow).

Left out against the original: remote bases, Helm charts, plugins, components' own validators, `vars`, OpenAPI
files of one's own.
"""

from kubekit.terminal.kustomize.build import build
from kubekit.terminal.kustomize.resource import KustomizeError

__all__ = ["KustomizeError", "build"]
