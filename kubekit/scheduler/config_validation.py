"""Whether a KubeSchedulerConfiguration makes sense: every mistake with its field, in the original's words.

Called with the filled form (`config_form`). All mistakes are collected and told at once. The arguments of
NodeResourcesFit are looked at when the plugin is made, so a mistake there is told in another sentence
(`fit_problems`, called by `SchedulerConfig.build` through the plugin).

Source: pkg/scheduler/apis/config/validation (validation.go, validation_pluginargs.go).
"""

from __future__ import annotations

from typing import Any

from kubekit.api import field_path as fp
from kubekit.api import formats
from kubekit.api.field_path import FieldError, Path
from kubekit.scheduler.config_form import ConfigError
from kubekit.scheduler.framework.resources import is_extended

Obj = dict[str, Any]
Errors = list[FieldError]

REMOVED = ("AzureDiskLimits", "CinderLimits", "EBSLimits", "GCEPDLimits")
VERSION = "kubescheduler.config.k8s.io/v1"
STRATEGIES = ("LeastAllocated", "MostAllocated", "RequestedToCapacityRatio")
OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt")
WAS_INVALID = f'was invalid in version "{VERSION}" (KubeSchedulerConfiguration is version "{VERSION}")'
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def validate(form: Obj) -> None:
    """Raises `ConfigError` with all mistakes."""
    errors: Errors = []
    election = form["leaderElection"]
    if election["leaderElect"] and election["resourceLock"] != "leases":
        where = Path("leaderElection").child("resourceLock")
        errors.append(fp.invalid(where, election["resourceLock"], 'resourceLock value must be "leases"'))
    if form["parallelism"] <= 0:
        text = "should be an integer value greater than zero"
        errors.append(fp.invalid(Path("parallelism"), form["parallelism"], text))
    errors += _profiles(form["profiles"], Path("profiles"))
    errors += _percentage(form["percentageOfNodesToScore"], Path("percentageOfNodesToScore"))
    first, longest = form["podInitialBackoffSeconds"], form["podMaxBackoffSeconds"]
    if first <= 0:
        errors.append(fp.invalid(Path("podInitialBackoffSeconds"), first, "must be greater than 0"))
    if longest < first:
        text = "must be greater than or equal to PodInitialBackoffSeconds"
        errors.append(fp.invalid(Path("podMaxBackoffSeconds"), longest, text))
    errors += _extenders(form.get("extenders") or [], Path("extenders"))
    if errors:
        raise ConfigError(fp.aggregate(errors))


def _percentage(value: Any, path: Path) -> Errors:
    if value is not None and not 0 <= value <= 100:
        return [fp.invalid(path, value, "not in valid range [0-100]")]
    return []


def _profiles(profiles: list[Obj], path: Path) -> Errors:
    errors: Errors = []
    seen: dict[str, int] = {}
    for place, profile in enumerate(profiles):
        at = path.index(place)
        if not profile["schedulerName"]:
            errors.append(fp.required(at.child("schedulerName")))
        errors += _percentage(profile.get("percentageOfNodesToScore"), at.child("percentageOfNodesToScore"))
        errors += _plugins(profile, at)
        name = profile["schedulerName"]
        if name in seen:
            other = path.index(seen[name]).child("schedulerName")
            errors.append(fp.duplicate(at.child("schedulerName"), str(other)))
        seen[name] = place
    return errors + _common_queue_sort(profiles, path)


def _plugins(profile: Obj, path: Path) -> Errors:
    errors: Errors = []
    for point, chosen in (profile.get("plugins") or {}).items():
        if point == "multiPoint":
            continue
        at = path.child("plugins", point)
        for place, entry in enumerate((chosen or {}).get("enabled") or ()):
            if entry.get("name") in REMOVED:
                errors.append(fp.invalid(at.child("enabled").index(place), entry["name"], WAS_INVALID))
    seen: set[str] = set()
    for place, entry in enumerate(profile["pluginConfig"]):
        at, name = path.child("pluginConfig").index(place), entry.get("name", "")
        if name in seen:
            errors.append(fp.duplicate(at, name))
        seen.add(name)
        if name in REMOVED:
            errors.append(fp.invalid(at, name, WAS_INVALID))
        elif name in ARGUMENTS:
            errors += ARGUMENTS[name](entry["args"], at.child("args"))
    return errors


def _common_queue_sort(profiles: list[Obj], path: Path) -> Errors:
    errors: Errors = []
    sets = [((profile.get("plugins") or {}).get("queueSort") or {}) for profile in profiles]
    enabled = sets[0].get("enabled") or ()
    if len(enabled) > 1:
        where = path.index(0).child("plugins", "queueSort", "Enabled")
        errors.append(fp.invalid(where, len(enabled), "only one queue sort plugin can be enabled"))
    for place, chosen in enumerate(sets[1:], 1):
        if chosen != sets[0]:
            where = path.index(place).child("plugins", "queueSort")
            errors.append(fp.invalid(where, chosen, "must be the same for all profiles"))
    return errors


# -- extenders -------------------------------------------------------------------------------------


def _extenders(extenders: list[Obj], path: Path) -> Errors:
    errors: Errors = []
    binders = sum(bool(one.get("bindVerb")) for one in extenders)
    managed: set[str] = set()
    for place, one in enumerate(extenders):
        at = path.index(place)
        if one.get("prioritizeVerb") and (one.get("weight") or 0) <= 0:
            weight = one.get("weight") or 0
            errors.append(fp.invalid(at.child("weight"), weight, "must have a positive weight applied to it"))
        for number, resource in enumerate(one.get("managedResources") or ()):
            name, where = resource.get("name", ""), at.child("managedResources").index(number).child("name")
            wrong = [fp.invalid(where, name, text) for text in formats.label_key(name)]
            if not wrong and not is_extended(name):
                wrong = [fp.invalid(where, name, "is an invalid extended resource name")]
            errors += wrong
            if name in managed:
                errors.append(fp.invalid(where, name, "duplicate extender managed resource name"))
            managed.add(name)
    if binders > 1:
        text = f"found {binders} extenders implementing bind"
        errors.append(fp.invalid(path, text, "only one extender can implement bind"))
    return errors


# -- arguments -------------------------------------------------------------------------------------


def _preemption(args: Obj, path: Path) -> Errors:
    share, count = args["minCandidateNodesPercentage"], args["minCandidateNodesAbsolute"]
    at_share, at_count = path.child("minCandidateNodesPercentage"), path.child("minCandidateNodesAbsolute")
    errors: Errors = []
    if not 0 <= share <= 100:
        errors.append(fp.invalid(at_share, share, "not in valid range [0, 100]"))
    if count < 0:
        errors.append(fp.invalid(at_count, count, "not in valid range [0, inf)"))
    if share == 0 and count == 0:
        text = "cannot be zero at the same time as {}"
        errors.append(fp.invalid(at_share, share, text.format("minCandidateNodesAbsolute")))
        errors.append(fp.invalid(at_count, count, text.format("minCandidateNodesPercentage")))
    return errors


def _affinity(args: Obj, path: Path) -> Errors:
    weight = args["hardPodAffinityWeight"]
    if 0 <= weight <= 100:
        return []
    return [fp.invalid(path.child("hardPodAffinityWeight"), weight, "not in valid range [0, 100]")]


def _balanced(args: Obj, path: Path) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for place, spec in enumerate(args["resources"]):
        at = path.child("resources").index(place)
        if spec.get("name") in seen:
            errors.append(fp.duplicate(at.child("name"), spec["name"]))
        seen.add(spec.get("name", ""))
        if spec["weight"] != 1:
            errors.append(fp.invalid(at.child("weight"), spec["weight"], "must be 1"))
    return errors


def _node_affinity(args: Obj, path: Path) -> Errors:
    added = args.get("addedAffinity") or {}
    errors: Errors = []
    required = added.get(REQUIRED)
    if required is not None:
        at = path.child("addedAffinity", REQUIRED)
        for place, term in enumerate(required.get("nodeSelectorTerms") or ()):
            errors += _term(term, at.child("nodeSelectorTerms").index(place))
    for place, preferred in enumerate(added.get(PREFERRED) or ()):
        if preferred.get("weight", 0):
            at = path.child("addedAffinity", PREFERRED).index(place)
            errors += _term(preferred.get("preference") or {}, at)
    return errors


def _term(term: Obj, path: Path) -> Errors:
    errors: Errors = []
    for place, expression in enumerate(term.get("matchExpressions") or ()):
        errors += _requirement(expression, path.child("matchExpressions").index(place))
    for place, expression in enumerate(term.get("matchFields") or ()):
        at, values = path.child("matchFields").index(place), expression.get("values") or []
        if expression.get("operator") not in OPERATORS[:2]:
            errors.append(
                fp.not_supported(at.child("operator"), expression.get("operator", ""), OPERATORS[:2])
            )
        elif len(values) != 1:
            errors.append(fp.invalid(at.child("values"), values, "must have one element"))
    return errors


def _requirement(expression: Obj, path: Path) -> Errors:
    key, operator = expression.get("key", ""), expression.get("operator", "")
    values = expression.get("values") or []
    if operator not in OPERATORS:
        return [fp.not_supported(path.child("operator"), operator, OPERATORS)]
    errors = (
        [fp.invalid(path.child("key"), key, "; ".join(wrong))] if (wrong := formats.label_key(key)) else []
    )
    at = path.child("values")
    if operator in ("In", "NotIn") and not values:
        errors.append(fp.invalid(at, values, "for 'in', 'notin' operators, values set can't be empty"))
    elif operator in ("Exists", "DoesNotExist") and values:
        errors.append(fp.invalid(at, values, "values set must be empty for exists and does not exist"))
    elif operator in ("Gt", "Lt") and len(values) != 1:
        errors.append(fp.invalid(at, values, "for 'Gt', 'Lt' operators, exactly one value is required"))
    elif operator in ("Gt", "Lt") and not values[0].lstrip("+-").isdigit():
        text = "for 'Gt', 'Lt' operators, the value must be an integer"
        errors.append(fp.invalid(at.index(0), values[0], text))
    for place, value in enumerate(values):
        if wrong := formats.label_value(value):
            errors.append(fp.invalid(at.index(place), value, "; ".join(wrong)))
    return errors


def _spread(args: Obj, path: Path) -> Errors:
    kind, constraints = args["defaultingType"], args.get("defaultConstraints") or []
    errors: Errors = []
    if kind not in ("System", "List"):
        errors.append(fp.not_supported(path.child("defaultingType"), kind, ("System", "List")))
    elif kind == "System" and constraints:
        text = "when .defaultConstraints are not empty"
        errors.append(fp.invalid(path.child("defaultingType"), kind, text))
    seen: set[tuple[str, str]] = set()
    for place, constraint in enumerate(constraints):
        at = path.child("defaultConstraints").index(place)
        skew, key = constraint.get("maxSkew", 0), constraint.get("topologyKey", "")
        action = constraint.get("whenUnsatisfiable", "")
        if skew <= 0:
            errors.append(fp.invalid(at.child("maxSkew"), skew, "not in valid range (0, inf)"))
        if not key:
            errors.append(fp.required(at.child("topologyKey"), "can not be empty"))
        else:
            errors += [fp.invalid(at.child("topologyKey"), key, text) for text in formats.label_key(key)]
        if not action:
            errors.append(fp.required(at.child("whenUnsatisfiable"), "can not be empty"))
        elif action not in ("DoNotSchedule", "ScheduleAnyway"):
            values = ("DoNotSchedule", "ScheduleAnyway")
            errors.append(fp.not_supported(at.child("whenUnsatisfiable"), action, values))
        if constraint.get("labelSelector") is not None:
            text = "constraint must not define a selector, as they deduced for each pod"
            errors.append(fp.forbidden(at.child("labelSelector"), text))
        if (key, action) in seen:
            errors.append(fp.duplicate(at, f"{{{key}, {action}}}"))
        seen.add((key, action))
    return errors


def _volumes(args: Obj, path: Path) -> Errors:
    errors: Errors = []
    if args["bindTimeoutSeconds"] < 0:
        text = "invalid BindTimeoutSeconds, should not be a negative value"
        errors.append(fp.invalid(path.child("bindTimeoutSeconds"), args["bindTimeoutSeconds"], text))
    if args.get("shape") is not None:
        text = "unexpected field `shape`, remove it or turn on the feature gate StorageCapacityScoring"
        errors.append(fp.invalid(path.child("shape"), args["shape"], text))
    return errors


ARGUMENTS: dict[str, Any] = {
    "DefaultPreemption": _preemption,
    "InterPodAffinity": _affinity,
    "NodeAffinity": _node_affinity,
    "NodeResourcesBalancedAllocation": _balanced,
    "PodTopologySpread": _spread,
    "VolumeBinding": _volumes,
}


def fit_problems(args: Obj) -> str:
    """What is wrong with the arguments of NodeResourcesFit; "" when nothing is."""
    errors: Errors = []
    for place, name in enumerate(args.get("ignoredResources") or ()):
        at = Path("ignoredResources").index(place)
        errors += [fp.invalid(at, name, text) for text in formats.label_key(name)]
    for place, name in enumerate(args.get("ignoredResourceGroups") or ()):
        at = Path("ignoredResourceGroups").index(place)
        if "/" in name:
            errors.append(fp.invalid(at, name, "resource group name can't contain '/'"))
        errors += [fp.invalid(at, name, text) for text in formats.label_key(name)]
    strategy, path = args.get("scoringStrategy") or {}, Path("scoringStrategy")
    kind = strategy.get("type", "LeastAllocated" if not strategy else "")
    if kind not in STRATEGIES:
        errors.append(fp.not_supported(path.child("type"), kind, STRATEGIES))
    for place, spec in enumerate(strategy.get("resources") or ()):
        weight = spec.get("weight", 1)
        if not 0 < weight <= 100:
            text = f"resource weight of {spec.get('name', '')} not in valid range (0, 100]"
            errors.append(fp.invalid(path.child("resources").index(place).child("weight"), weight, text))
    ratio = strategy.get("requestedToCapacityRatio")
    if kind == "RequestedToCapacityRatio" and ratio is None:
        text = "must be specified when type is RequestedToCapacityRatio"
        errors.append(fp.required(path.child("requestedToCapacityRatio"), text))
    elif kind == "RequestedToCapacityRatio":
        at = path.child("requestedToCapacityRatio").child("shape")
        errors += _shape((ratio or {}).get("shape") or [], at)
    elif ratio is not None:
        text = "must be nil when type is not RequestedToCapacityRatio"
        errors.append(fp.forbidden(path.child("requestedToCapacityRatio"), text))
    return fp.aggregate(errors) if errors else ""


def _shape(shape: list[Obj], path: Path) -> Errors:
    if not shape:
        return [fp.required(path, "at least one point must be specified")]
    errors: Errors = []
    used = [point.get("utilization", 0) for point in shape]
    for place in range(1, len(used)):
        if used[place - 1] >= used[place]:
            at = path.index(place).child("utilization")
            errors.append(fp.invalid(at, used[place], "values must be sorted in increasing order"))
            break
    for place, point in enumerate(shape):
        for field, most in (("utilization", 100), ("score", 10)):
            value = point.get(field, 0)
            if not 0 <= value <= most:
                at = path.index(place).child(field)
                errors.append(fp.invalid(at, value, f"not in valid range [0, {most}]"))
    return errors
