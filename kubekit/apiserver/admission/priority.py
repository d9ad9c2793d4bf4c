"""Priority: a pod's priorityClassName becomes its priority and preemption policy; one class may be the
default.

Upstream: plugin/pkg/admission/priority/admission.go.
"""

from __future__ import annotations

from typing import Any

from kubekit.apiserver.admission.plugin import CREATE, DELETE, UPDATE, AdmissionPlugin, Attributes

Obj = dict[str, Any]
GROUP = "scheduling.k8s.io"
SYSTEM = frozenset({"system-node-critical", "system-cluster-critical"})


class Priority(AdmissionPlugin):
    """See the module."""

    name = "Priority"
    operations = frozenset({CREATE, UPDATE, DELETE})
    resources = frozenset({("", "pods"), (GROUP, "priorityclasses")})

    def admit(self, a: Attributes) -> None:
        """Resolve the class of a new pod; a pod's priority cannot be changed."""
        obj = a.obj
        if obj is None or a.resource.plural != "pods":
            return
        spec = a.part("spec")
        if a.operation == UPDATE:
            before = (a.old or {}).get("spec") or {}
            for field in ("priority", "preemptionPolicy"):
                if spec.get(field) is None and before.get(field) is not None:
                    a.change("/spec", spec, field, before[field])
            return
        name = spec.get("priorityClassName") or ""
        if not name:
            name, value, policy = self._default(a)
        else:
            found = a.ctx.server.store(GROUP, "priorityclasses").find("", name)
            if found is None:
                raise a.forbidden(f"no PriorityClass with name {name} was found")
            value = found.get("value", 0)
            policy = found.get("preemptionPolicy") or "PreemptLowerPriority"
        if name:
            a.change("/spec", spec, "priorityClassName", name)
        given = spec.get("priority")
        if given is not None and given != value:
            text = (
                f"the integer value of priority ({given}) must not be provided in pod spec; priority"
                f" admission controller computed {value} from the given PriorityClass name"
            )
            raise a.forbidden(text)
        a.change("/spec", spec, "priority", value)
        given_policy = spec.get("preemptionPolicy")
        if given_policy is not None and given_policy != policy:
            text = (
                f"the string value of PreemptionPolicy ({given_policy}) must not be provided in pod spec;"
                f" priority admission controller computed {policy} from the given PriorityClass name"
            )
            raise a.forbidden(text)
        a.change("/spec", spec, "preemptionPolicy", policy)

    def validate(self, a: Attributes) -> None:
        """Only one class may be the global default."""
        obj = a.obj
        if a.operation == DELETE and a.resource.plural == "priorityclasses":
            if a.name in SYSTEM:
                raise a.forbidden("this is a system priority class and cannot be deleted")
            return
        if obj is None or a.resource.plural != "priorityclasses" or not obj.get("globalDefault"):
            return
        for other in a.ctx.server.store(GROUP, "priorityclasses").cache.span():
            if not other.get("globalDefault"):
                continue
            if a.operation == CREATE or other["metadata"]["name"] != obj["metadata"]["name"]:
                text = (
                    f"PriorityClass {other['metadata']['name']} is already marked as default. Only one"
                    " default can exist"
                )
                raise a.forbidden(text)

    @staticmethod
    def _default(a: Attributes) -> tuple[str, int, str]:
        classes = a.ctx.server.store(GROUP, "priorityclasses").cache.objects
        defaults = [key for key, one in classes.items() if one.get("globalDefault")]
        if not defaults:
            return "", 0, "PreemptLowerPriority"
        # Of equal ones the first by name.
        chosen = min((classes[key] for key in sorted(defaults)), key=lambda one: one.get("value", 0))
        policy = chosen.get("preemptionPolicy") or "PreemptLowerPriority"
        return chosen["metadata"]["name"], chosen.get("value", 0), policy
