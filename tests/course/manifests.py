"""Manifests that learners type in: a pod, by hand."""

from __future__ import annotations

HTTPD = "httpd:2.4-alpine"

FRONTEND = """%%kubectl apply -f -
apiVersion: v1
kind: Pod
metadata: {{name: frontend}}
spec:
  {node}
  containers:
  - {{name: httpd, image: "{image}"}}
"""


def pod(name: str, spec: str = "", image: str = HTTPD, labels: str = "", requests: str = "") -> str:
    """A cell that applies a pod; `spec` one more line of its spec, `requests` in YAML's flow form."""
    resources = f", resources: {{requests: {requests}}}" if requests else ""
    return (
        "%%kubectl apply -f -\napiVersion: v1\nkind: Pod\n"
        f"metadata: {{name: {name}, labels: {{{labels}}}}}\nspec:\n  {spec}\n  containers:\n"
        f'  - {{name: c, image: "{image}"{resources}}}\n'
    )
