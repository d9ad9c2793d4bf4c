"""Audit policy (audit.k8s.io/v1 Policy): which requests are written down, and how much of each.

`load(source)` reads and checks the file; `AuditPolicy.of(attributes)` gives the plan for a request: the
first rule that matches decides, and nothing is written of what no rule matches. Raises ConfigurationError in
the words with which the original refuses to start. Upstream: apiserver/pkg/audit/policy (reader.go,
checker.go), apiserver/pkg/apis/audit/validation.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from kubekit.api.field_path import ROOT, FieldError, Path, invalid, not_supported, required
from kubekit.api.formats import dns1123_subdomain
from kubekit.apiserver.authorization import Attributes
from kubekit.apiserver.configuration_file import ConfigurationError, Source, expect, read, refuse

Obj = dict[str, Any]

WHAT = "loading audit policy file"
VERSIONS = ("audit.k8s.io/v1",)
LEVELS = ("None", "Metadata", "Request", "RequestResponse")
STAGES = ("RequestReceived", "ResponseStarted", "ResponseComplete", "Panic")


class Plan(NamedTuple):
    """How much of one request is written down."""

    level: str
    omitted: frozenset[str] = frozenset()
    """Stages without an event."""
    without_managed_fields: bool = False

    def wants(self, level: str) -> bool:
        """Whether what belongs to a level is written."""
        return LEVELS.index(self.level) >= LEVELS.index(level)


class AuditPolicy:
    """The rules, in order."""

    def __init__(self, policy: Obj) -> None:
        everywhere = frozenset(policy.get("omitStages") or ())
        bare = bool(policy.get("omitManagedFields"))
        self.rules: list[tuple[Obj, Plan]] = []
        for rule in policy["rules"]:
            own = rule.get("omitManagedFields")
            stages = everywhere | set(rule.get("omitStages") or ())
            self.rules.append((rule, Plan(rule["level"], stages, bare if own is None else bool(own))))
        self.otherwise = Plan("None", everywhere, bare)

    def of(self, asked: Attributes) -> Plan:
        """The plan for a request."""
        return next((plan for rule, plan in self.rules if matches(rule, asked)), self.otherwise)


def matches(rule: Obj, asked: Attributes) -> bool:
    """Whether a rule is about a request; an empty list says nothing, and every list that says something
    must."""
    users, groups, verbs = rule.get("users"), rule.get("userGroups"), rule.get("verbs")
    if users and asked.user.name not in users:
        return False
    if groups and not set(groups).intersection(asked.user.groups):
        return False
    if verbs and asked.verb not in verbs:
        return False
    namespaces, resources = rule.get("namespaces"), rule.get("resources")
    if namespaces or resources:
        if not asked.is_resource or (namespaces and asked.namespace not in namespaces):
            return False
        return not resources or any(_covers(one, asked) for one in resources)
    paths = rule.get("nonResourceURLs")
    if paths:
        return not asked.is_resource and any(_path_matches(asked.path, path) for path in paths)
    return True


def _covers(group: Obj, asked: Attributes) -> bool:
    if group.get("group", "") not in (asked.group, "*"):
        return False
    listed, names = group.get("resources"), group.get("resourceNames")
    if not listed:
        return True
    if names and asked.name not in names:
        return False
    forms = {"*", asked.qualified, f"{asked.resource}/*"}
    if asked.subresource:
        forms.add(f"*/{asked.subresource}")
    return not forms.isdisjoint(listed)


def _path_matches(path: str, wanted: str) -> bool:
    return wanted in ("*", path) or (wanted.endswith("*") and path.startswith(wanted.rstrip("*")))


# -- reading --------------------------------------------------------------------------------------------


def load(source: Source) -> AuditPolicy:
    """Read a Policy. Raises ConfigurationError."""
    policy = read(source, WHAT, VERSIONS, "Policy")
    # Unknown fields are forgiven: here the original falls back to its lenient decoder.
    rules: list[Any] = expect(policy.get("rules"), list, "rules", WHAT)
    problems = _stages(policy, ROOT)
    for place, rule in enumerate(rules):
        path = Path("rules").index(place)
        problems += _check(expect(rule, dict, str(path), WHAT), path)
    refuse(problems, WHAT)
    if not rules:
        raise ConfigurationError(f"{WHAT}: loaded illegal policy with 0 rules")
    return AuditPolicy(policy)


def _texts(owner: Obj, field: str, path: Path) -> list[str]:
    found: list[Any] = expect(owner.get(field), list, str(path.child(field)), WHAT)
    return [expect(text, str, str(path.child(field)), WHAT) for text in found]


def _stages(owner: Obj, path: Path) -> list[FieldError]:
    return [
        invalid(path.child("omitStages").index(n), stage, f"allowed stages are {','.join(STAGES)}")
        for n, stage in enumerate(_texts(owner, "omitStages", path))
        if stage not in STAGES
    ]


def _check(rule: Obj, path: Path) -> list[FieldError]:
    problems: list[FieldError] = []
    level = expect(rule.get("level"), str, str(path.child("level")), WHAT)
    if not level:
        problems.append(required(path.child("level")))
    elif level not in LEVELS:
        problems.append(not_supported(path.child("level"), level, LEVELS))
    for field in ("users", "userGroups", "verbs", "namespaces"):
        _texts(rule, field, path)
    urls, here = _texts(rule, "nonResourceURLs", path), path.child("nonResourceURLs")
    for number, url in enumerate(urls):
        if url != "*" and not url.startswith("/"):
            problems.append(
                invalid(here.index(number), url, "non-resource URL rules must begin with a '/' character")
            )
        if "*" in url[:-1]:
            why = "non-resource URL wildcards '*' must be the final character of the rule"
            problems.append(invalid(here.index(number), url, why))
    resources: list[Any] = expect(rule.get("resources"), list, str(path.child("resources")), WHAT)
    for group in resources:
        problems += _check_group(expect(group, dict, str(path), WHAT), path.child("resources"))
    problems += _stages(rule, path)
    if urls and (resources or rule.get("namespaces")):
        problems.append(
            invalid(here, urls, "rules cannot apply to both regular resources and non-resource URLs")
        )
    return problems


def _check_group(group: Obj, path: Path) -> list[FieldError]:
    problems = []
    name = expect(group.get("group"), str, str(path.child("group")), WHAT)
    if name not in ("", "*"):
        problems += [invalid(path.child("group"), name, why) for why in dns1123_subdomain(name)]
    names = _texts(group, "resourceNames", path)
    if names and not _texts(group, "resources", path):
        why = "using resourceNames requires at least one resource"
        problems.append(invalid(path.child("resourceNames"), names, why))
    return problems
