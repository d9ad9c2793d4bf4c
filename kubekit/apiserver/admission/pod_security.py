"""PodSecurity: a namespace's labels say which Pod Security Standard its pods must meet.

`enforce` refuses pods, `warn` warns, `audit` only notes; workloads with a pod template are warned and
noted, never refused. Changing a namespace's level checks the pods that are there and warns. The checks are
in `pod_security_checks`. Upstream: pod-security-admission/admission/admission.go.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from kubekit.api import field_path as fields
from kubekit.api import status_error as errors
from kubekit.api.field_path import FieldError
from kubekit.api.meta import controller_of
from kubekit.apiserver.admission.plugin import CREATE, UPDATE, AdmissionPlugin, Attributes
from kubekit.apiserver.admission.pod_security_checks import evaluate

Obj = dict[str, Any]

PREFIX = "pod-security.kubernetes.io/"
LEVELS = ("privileged", "baseline", "restricted")
LATEST_MINOR = 10**6
MAX_PODS = 3000
_VERSION = re.compile(r"v1\.(0|[1-9][0-9]*)")


class Level(NamedTuple):
    """A level and the version of its standard: `restricted:latest`."""

    name: str = "privileged"
    version: str = "latest"

    @property
    def minor(self) -> int:
        """The 1.x of the version."""
        return LATEST_MINOR if self.version == "latest" else int(self.version[3:])

    def __str__(self) -> str:
        return f"{self.name}:{self.version}"


class Policy(NamedTuple):
    """What a namespace asks for."""

    enforce: Level
    audit: Level
    warn: Level


def policy_of(labels: dict[str, str]) -> tuple[Policy, list[FieldError]]:
    """The policy that labels express, and what is wrong with them."""
    problems: list[FieldError] = []
    found: dict[str, Level] = {}
    for mode, fallback in (("enforce", "restricted"), ("audit", "privileged"), ("warn", "privileged")):
        name = labels.get(PREFIX + mode, "privileged")
        if name not in LEVELS:
            text = f"must be one of {', '.join(LEVELS)}"
            problems.append(fields.invalid(f"metadata.labels[{PREFIX}{mode}]", name, text))
            name = fallback
        version = labels.get(f"{PREFIX}{mode}-version", "latest")
        if version != "latest" and not _VERSION.fullmatch(version):
            text = 'must be "latest" or "v1.x"'
            problems.append(fields.invalid(f"metadata.labels[{PREFIX}{mode}-version]", version, text))
            version = "latest"
        found[mode] = Level(name, version)
    asked = labels.get(PREFIX + "enforce")
    if PREFIX + "warn" not in labels and asked in LEVELS:
        enforce, warn = found["enforce"], found["warn"]
        if LEVELS.index(enforce.name) > LEVELS.index(warn.name):
            version = warn.version if PREFIX + "warn-version" in labels else enforce.version
            found["warn"] = Level(enforce.name, version)
    return Policy(found["enforce"], found["audit"], found["warn"]), problems


_CONTROLLERS = {
    ("", "podtemplates"),
    ("", "replicationcontrollers"),
    ("apps", "replicasets"),
    ("apps", "deployments"),
    ("apps", "statefulsets"),
    ("apps", "daemonsets"),
    ("batch", "jobs"),
    ("batch", "cronjobs"),
}


class PodSecurity(AdmissionPlugin):
    """See the module."""

    name = "PodSecurity"
    operations = frozenset({CREATE, UPDATE})
    resources = frozenset(
        {
            ("", "namespaces"),
            ("", "pods"),
            ("", "pods/ephemeralcontainers"),
            ("", "pods/resize"),
            *_CONTROLLERS,
        }
    )

    def validate(self, a: Attributes) -> None:
        """Refuse or warn."""
        if a.obj is None:
            return
        if a.resource.plural == "namespaces":
            self._namespace(a)
            return
        namespace = a.ctx.server.store("", "namespaces").find("", a.namespace)
        labels = ((namespace or {}).get("metadata") or {}).get("labels") or {}
        if not [label for label in labels if label.startswith(PREFIX)]:
            if a.resource.plural == "pods":
                a.ctx.annotate(f"{PREFIX}enforce-policy", "privileged:latest")
            return
        policy, _ = policy_of(labels)
        if a.resource.plural == "pods":
            if a.operation == UPDATE and a.old is not None and not _significant(a.obj, a.old):
                return
            self._evaluate(a, policy, a.obj["metadata"], a.obj.get("spec") or {}, enforce=True)
        else:
            template = _template(a.obj)
            if template is not None:
                metadata, spec = template.get("metadata") or {}, template.get("spec") or {}
                self._evaluate(a, policy, metadata, spec, enforce=False)

    @staticmethod
    def _evaluate(a: Attributes, policy: Policy, metadata: Obj, spec: Obj, enforce: bool) -> None:
        if enforce:
            a.ctx.annotate(f"{PREFIX}enforce-policy", str(policy.enforce))
            violated = evaluate(policy.enforce.name, policy.enforce.minor, metadata, spec)
            if violated:
                text = f'violates PodSecurity "{policy.enforce}": {_details(violated)}'
                raise errors.forbidden(a.resource, a.name or metadata.get("name", ""), text)
        violated = evaluate(policy.audit.name, policy.audit.minor, metadata, spec)
        if violated:
            text = f'would violate PodSecurity "{policy.audit}": {_details(violated)}'
            a.ctx.note("PodSecurity audit", text)
            a.ctx.annotate(f"{PREFIX}audit-violations", text)
        violated = evaluate(policy.warn.name, policy.warn.minor, metadata, spec)
        if violated:
            a.ctx.warn(f'would violate PodSecurity "{policy.warn}": {_details(violated)}')

    def _namespace(self, a: Attributes) -> None:
        assert a.obj is not None
        policy, problems = policy_of(a.obj["metadata"].get("labels") or {})
        name = a.obj["metadata"].get("name", "")
        if a.operation == CREATE:
            if problems:
                raise errors.invalid("Namespace", "", name, problems)
            return
        before, old_problems = policy_of(((a.old or {}).get("metadata") or {}).get("labels") or {})
        if problems and problems != old_problems:
            raise errors.invalid("Namespace", "", name, problems)
        new, old = policy.enforce, before.enforce
        if new == old or new.name == "privileged":
            return
        if new.version == old.version and LEVELS.index(new.name) <= LEVELS.index(old.name):
            return
        for text in self._existing(a, name, new):
            a.ctx.warn(text)

    @staticmethod
    def _existing(a: Attributes, namespace: str, level: Level) -> list[str]:
        """The warnings about pods that a new level would refuse."""
        first: list[Obj] = []
        again: list[Obj] = []
        seen: set[str] = set()
        for pod in a.ctx.server.store("", "pods").cache.span(namespace):
            owner = controller_of(pod)
            if owner is not None and owner["uid"] in seen:
                again.append(pod)
                continue
            if owner is not None:
                seen.add(owner["uid"])
            first.append(pod)
        pods = first + again
        warnings: list[str] = []
        counts: dict[str, list[str]] = {}
        for pod in pods[:MAX_PODS]:
            violated = evaluate(level.name, level.minor, pod["metadata"], pod.get("spec") or {})
            if violated:
                counts.setdefault(", ".join(reason for reason, _ in violated), []).append(
                    pod["metadata"]["name"]
                )
        if len(pods) > MAX_PODS:
            warnings.append(
                f"new PodSecurity enforce level only checked against the first {MAX_PODS} of {len(pods)}"
                " existing pods"
            )
        if counts:
            warnings.append(
                f'existing pods in namespace "{namespace}" violate the new PodSecurity enforce level'
                f' "{level}"'
            )
        told = []
        for reason, names in counts.items():
            others = len(names) - 1
            more = (
                "" if not others else " (and 1 other pod)" if others == 1 else f" (and {others} other pods)"
            )
            told.append(f"{min(names)}{more}: {reason}")
        return warnings + sorted(told)


def _details(violated: list[tuple[str, str]]) -> str:
    return ", ".join(f"{reason} ({detail})" if detail else reason for reason, detail in violated)


def _template(obj: Obj) -> Obj | None:
    if obj.get("kind") == "PodTemplate":
        found: Obj | None = obj.get("template")
        return found
    spec = obj.get("spec") or {}
    if obj.get("kind") == "CronJob":
        spec = (spec.get("jobTemplate") or {}).get("spec") or {}
    template: Obj | None = spec.get("template")
    return template


def _significant(pod: Obj, old: Obj) -> bool:
    """Whether an update may change what the checks look at: other images, other containers."""
    spec, before = pod.get("spec") or {}, old.get("spec") or {}
    for field in ("containers", "initContainers"):
        new, known = spec.get(field) or (), before.get(field) or ()
        if len(new) != len(known) or any(
            c.get("image") != o.get("image") for c, o in zip(new, known, strict=True)
        ):
            return True
    images = {c["name"]: c.get("image") for c in before.get("ephemeralContainers") or ()}
    return any(images.get(c["name"], c) != c.get("image") for c in spec.get("ephemeralContainers") or ())
