"""The form of a KubeSchedulerConfiguration: read strictly, with the defaults filled in.

Unknown fields and wrong types are refused as the original's decoder does (it is strict for this file); what
is left out gets its default, for the plugins' arguments too. Whether the values make sense is asked
afterwards (`config_validation`).

Source: pkg/scheduler/apis/config/scheme; kube-scheduler/config/v1 (types.go, types_pluginargs.go);
pkg/scheduler/apis/config/v1/defaults.go.
"""

from __future__ import annotations

import copy
from typing import Any

from kubekit.api.field_path import go_quote

Obj = dict[str, Any]

GROUP = "kubescheduler.config.k8s.io/v1"
KIND = "KubeSchedulerConfiguration"
SCHEME = "pkg/scheduler/apis/config/scheme/scheme.go:29"


class ConfigError(ValueError):
    """The configuration cannot be used; the text says what is wrong with it."""


INT, LONG, STRING, BOOL, FLOAT, ANY = "int32", "int64", "string", "bool", "float32", "any"
PLUGIN: Obj = {"name": STRING, "weight": INT}
PLUGIN_SET: Obj = {"enabled": [PLUGIN], "disabled": [PLUGIN]}
POINT_FIELDS = (
    "preEnqueue", "queueSort", "preFilter", "filter", "postFilter", "preScore", "score", "reserve", "permit",
    "preBind", "bind", "postBind", "multiPoint",
)  # fmt: skip
RESOURCES: Any = [{"name": STRING, "weight": LONG}]
SHAPE: Any = [{"utilization": INT, "score": INT}]
TLS: Obj = {
    "insecure": BOOL, "serverName": STRING, "certFile": STRING, "keyFile": STRING, "caFile": STRING,
    "certData": STRING, "keyData": STRING, "caData": STRING,
}  # fmt: skip
FORM: Obj = {
    "apiVersion": STRING,
    "kind": STRING,
    "parallelism": INT,
    "leaderElection": {
        "leaderElect": BOOL, "leaseDuration": STRING, "renewDeadline": STRING, "retryPeriod": STRING,
        "resourceLock": STRING, "resourceName": STRING, "resourceNamespace": STRING,
    },
    "clientConnection": {
        "kubeconfig": STRING, "acceptContentTypes": STRING, "contentType": STRING, "qps": FLOAT, "burst": INT,
    },
    "enableProfiling": BOOL,
    "enableContentionProfiling": BOOL,
    "percentageOfNodesToScore": INT,
    "podInitialBackoffSeconds": LONG,
    "podMaxBackoffSeconds": LONG,
    "delayCacheUntilActive": BOOL,
    "profiles": [
        {
            "schedulerName": STRING,
            "percentageOfNodesToScore": INT,
            "plugins": dict.fromkeys(POINT_FIELDS, PLUGIN_SET),
            "pluginConfig": [{"name": STRING, "args": ANY}],
        }
    ],
    "extenders": [
        {
            "urlPrefix": STRING, "filterVerb": STRING, "preemptVerb": STRING, "prioritizeVerb": STRING,
            "weight": LONG, "bindVerb": STRING, "enableHTTPS": BOOL, "tlsConfig": TLS, "httpTimeout": STRING,
            "nodeCacheCapable": BOOL, "ignorable": BOOL,
            "managedResources": [{"name": STRING, "ignoredByScheduler": BOOL}],
        }
    ],
}  # fmt: skip

ARGS: dict[str, Obj] = {
    "DefaultPreemption": {"minCandidateNodesPercentage": INT, "minCandidateNodesAbsolute": INT},
    "DynamicResources": {"filterTimeout": STRING, "bindingTimeout": STRING},
    "InterPodAffinity": {"hardPodAffinityWeight": INT, "ignorePreferredTermsOfExistingPods": BOOL},
    "NodeAffinity": {"addedAffinity": ANY},
    "NodeResourcesBalancedAllocation": {"resources": RESOURCES},
    "NodeResourcesFit": {
        "ignoredResources": [STRING],
        "ignoredResourceGroups": [STRING],
        "scoringStrategy": {
            "type": STRING,
            "resources": RESOURCES,
            "requestedToCapacityRatio": {"shape": SHAPE},
        },
    },
    "PodTopologySpread": {"defaultConstraints": [ANY], "defaultingType": STRING},
    "VolumeBinding": {"bindTimeoutSeconds": LONG, "shape": SHAPE},
}
"""The arguments of the plugins that have some."""

BOTH = [{"name": "cpu", "weight": 1}, {"name": "memory", "weight": 1}]


def read_form(config: Obj | str | None) -> Obj:
    """The configuration with all defaults; raises `ConfigError`. What is given is not changed."""
    if isinstance(config, str):
        import yaml  # not needed for a configuration that is an object, or for none

        try:
            config = yaml.safe_load(config)
        except yaml.YAMLError as error:
            problem = getattr(error, "problem", None) or str(error)
            raise ConfigError(f"couldn't get version/kind; json parse error: {problem}") from None
    form = copy.deepcopy(config) if config else {}
    if not isinstance(form, dict):
        raise ConfigError("couldn't get version/kind; json parse error: the configuration must be an object")
    version, kind = form.setdefault("apiVersion", GROUP), form.setdefault("kind", KIND)
    if version != GROUP or kind != KIND:
        text = f"no kind {go_quote(str(kind))} is registered for version {go_quote(str(version))}"
        raise ConfigError(f"{text} in scheme {go_quote(SCHEME)}")
    _check(form, FORM, KIND)
    for profile in form.get("profiles") or ():
        for entry in profile.get("pluginConfig") or ():
            _check_args(entry)
    _fill(form)
    return form


def _check_args(entry: Obj) -> None:
    name, args = entry.get("name", ""), entry.get("args")
    fields = ARGS.get(name)
    if fields is None or args is None:
        return
    kind = f"{name}Args"
    try:
        if not isinstance(args, dict):
            raise ConfigError(f"json: cannot unmarshal {_json_kind(args)} into Go value of type v1.{kind}")
        given = {key: value for key, value in args.items() if key not in ("apiVersion", "kind")}
        if args.get("kind", kind) != kind:
            raise ConfigError(
                f"args for plugin {name} were not of type {GROUP}, Kind={kind}, got {args['kind']}"
            )
        _check(given, fields, kind)
    except ConfigError as error:
        raise ConfigError(f"decoding args for plugin {go_quote(name)}: {error}") from None


def _check(value: Obj, fields: Obj, kind: str) -> None:
    unknown: list[str] = []
    _walk(value, fields, "", kind, unknown)
    if unknown:
        told = ", ".join(f"unknown field {go_quote(path)}" for path in unknown)
        raise ConfigError(f"strict decoding error: {told}")


def _walk(value: Any, form: Any, path: str, kind: str, unknown: list[str]) -> None:
    if value is None or form == ANY:
        return
    if isinstance(form, dict):
        if not isinstance(value, dict):
            raise _mismatch(value, path, kind, "object")
        for name, inner in value.items():
            below = f"{path}.{name}" if path else str(name)
            if name not in form:
                unknown.append(below)
            else:
                _walk(inner, form[name], below, kind, unknown)
    elif isinstance(form, list):
        if not isinstance(value, list):
            raise _mismatch(value, path, kind, "array")
        for place, inner in enumerate(value):
            _walk(inner, form[0], f"{path}[{place}]", kind, unknown)
    elif not _fits(value, form):
        raise _mismatch(value, path, kind, form)


def _fits(value: Any, kind: str) -> bool:
    if kind == STRING:
        return isinstance(value, str)
    if kind == BOOL:
        return isinstance(value, bool)
    if isinstance(value, bool):
        return False
    if kind == FLOAT:
        return isinstance(value, int | float)
    limit = 2**31 if kind == INT else 2**63
    return isinstance(value, int) and -limit <= value < limit


def _mismatch(value: Any, path: str, kind: str, wanted: str) -> ConfigError:
    steps = ".".join(part.split("[")[0] for part in path.split("."))
    return ConfigError(
        f"json: cannot unmarshal {_json_kind(value)} into Go struct field {kind}.{steps} of type {wanted}"
    )


def _json_kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return f"number {value}" if isinstance(value, int) and abs(value) >= 2**31 else "number"
    kinds: dict[type, str] = {str: "string", list: "array", dict: "object"}
    return kinds.get(type(value), "null")


# -- defaults --------------------------------------------------------------------------------------


def _fill(form: Obj) -> None:
    if form.get("parallelism") is None:
        form["parallelism"] = 16
    profiles = form["profiles"] = list(form.get("profiles") or [{}])
    if len(profiles) == 1 and profiles[0].get("schedulerName") is None:
        profiles[0]["schedulerName"] = "default-scheduler"
    for profile in profiles:
        profile.setdefault("schedulerName", "")
        _fill_args(profile)
    for field, value in (
        ("percentageOfNodesToScore", 0),
        ("podInitialBackoffSeconds", 1),
        ("podMaxBackoffSeconds", 10),
    ):
        if form.get(field) is None:
            form[field] = value
    election = form["leaderElection"] = dict(form.get("leaderElection") or {})
    if not election.get("resourceLock"):
        election["resourceLock"] = "leases"
    if election.get("leaderElect") is None:
        election["leaderElect"] = True


def _fill_args(profile: Obj) -> None:
    entries = profile["pluginConfig"] = list(profile.get("pluginConfig") or ())
    given = {entry.get("name") for entry in entries}
    for entry in entries:
        args = entry["args"] = dict(entry.get("args") or {})
        _fill_plugin(entry.get("name", ""), args)
    for name in ARGS:
        if name not in given:
            args = {}
            _fill_plugin(name, args)
            entries.append({"name": name, "args": args})


def _fill_plugin(name: str, args: Obj) -> None:
    def default(field: str, value: Any) -> None:
        if args.get(field) is None:
            args[field] = value

    if name == "DefaultPreemption":
        default("minCandidateNodesPercentage", 10)
        default("minCandidateNodesAbsolute", 100)
    elif name == "InterPodAffinity":
        default("hardPodAffinityWeight", 1)
    elif name == "VolumeBinding":
        default("bindTimeoutSeconds", 600)
    elif name == "PodTopologySpread" and not args.get("defaultingType"):
        args["defaultingType"] = "System"
    elif name == "NodeResourcesBalancedAllocation":
        args["resources"] = _weighted(args.get("resources"))
    elif name == "NodeResourcesFit":
        default("scoringStrategy", {"type": "LeastAllocated"})
        strategy = args["scoringStrategy"]
        strategy["resources"] = _weighted(strategy.get("resources"))


def _weighted(resources: Any) -> list[Obj]:
    if not resources:
        return copy.deepcopy(BOTH)
    return [{**spec, "weight": spec.get("weight") or 1} for spec in resources]
