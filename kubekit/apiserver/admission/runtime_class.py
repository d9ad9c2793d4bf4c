"""RuntimeClass: a pod takes the overhead and the scheduling rules of its runtime class.

Upstream: plugin/pkg/admission/runtimeclass/admission.go, pkg/util/tolerations.
"""

from __future__ import annotations

from typing import Any

from kubekit.api.quantity import parse
from kubekit.apiserver.admission.plugin import CREATE, AdmissionPlugin, Attributes

Obj = dict[str, Any]
MISMATCH = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead"


class RuntimeClassAdmission(AdmissionPlugin):
    """See the module."""

    name = "RuntimeClass"
    operations = frozenset({CREATE})
    resources = frozenset({("", "pods")})

    def admit(self, a: Attributes) -> None:
        """Overhead, node selector and tolerations."""
        runtime = self._class(a)
        if runtime is None or a.obj is None:
            return
        spec: Obj = a.obj["spec"]
        overhead = (runtime.get("overhead") or {}).get("podFixed")
        if runtime.get("overhead") is not None:
            if spec.get("overhead") and not _equal(spec["overhead"], overhead):
                raise a.forbidden(MISMATCH)
            if overhead:
                a.change("/spec", spec, "overhead", dict(overhead))
        scheduling = runtime.get("scheduling")
        if scheduling is None:
            return
        selector = dict(spec.get("nodeSelector") or {})
        for key, value in (scheduling.get("nodeSelector") or {}).items():
            if key in selector and selector[key] != value:
                text = (
                    f"conflict: runtimeClass.scheduling.nodeSelector[{key}] = {value}; "
                    f"pod.spec.nodeSelector[{key}] = {selector[key]}"
                )
                raise a.forbidden(text)
            selector[key] = value
        if selector:
            a.change("/spec", spec, "nodeSelector", selector)
        tolerations = _merged(spec.get("tolerations") or [], scheduling.get("tolerations") or [])
        if tolerations:
            a.change("/spec", spec, "tolerations", tolerations)

    def validate(self, a: Attributes) -> None:
        """Overhead comes from a runtime class and from nowhere else."""
        runtime = self._class(a)
        given = ((a.obj or {}).get("spec") or {}).get("overhead")
        if runtime is not None and runtime.get("overhead") is not None:
            if not _equal(given or {}, runtime["overhead"].get("podFixed") or {}):
                raise a.forbidden(MISMATCH)
        elif given is not None:
            raise a.forbidden(
                "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead"
            )

    @staticmethod
    def _class(a: Attributes) -> Obj | None:
        name = ((a.obj or {}).get("spec") or {}).get("runtimeClassName")
        if name is None:
            return None
        found = a.ctx.server.store("node.k8s.io", "runtimeclasses").find("", name)
        if found is None:
            raise a.forbidden(f'pod rejected: RuntimeClass "{name}" not found')
        return found


def _equal(one: Obj | None, other: Obj | None) -> bool:
    left = {name: parse(value) for name, value in (one or {}).items()}
    return left == {name: parse(value) for name, value in (other or {}).items()}


def _merged(first: list[Obj], second: list[Obj]) -> list[Obj]:
    """Both lists, without those that another one includes (tolerations.MergeTolerations)."""
    everything = [*first, *second]
    kept: list[Obj] = []
    for place, one in enumerate(everything):
        if any(_includes(other, one) for other in kept):
            continue
        if any(_includes(other, one) and other != one for other in everything[place + 1 :]):
            continue
        kept.append(one)
    return kept


def _includes(wide: Obj, narrow: Obj) -> bool:
    if wide == narrow:
        return True
    if wide.get("key", "") != narrow.get("key", "") and not (
        not wide.get("key") and wide.get("operator") == "Exists"
    ):
        return False
    if wide.get("effect", "") not in ("", narrow.get("effect", "")):
        return False
    if wide.get("effect") == "NoExecute" and wide.get("tolerationSeconds") is not None:
        left = narrow.get("tolerationSeconds")
        if left is None or wide["tolerationSeconds"] < left:
            return False
    if wide.get("operator") == "Exists":
        return True
    return narrow.get("operator") in (None, "", "Equal") and wide.get("value", "") == narrow.get("value", "")
