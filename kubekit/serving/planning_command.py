"""`kubekit explain-pod POD` and `kubekit simulate -f FILE`: the command lines of `planning`.

Exit status: 0 when every pod would find a node, 1 when one would not, 2 for a wrong call or a cluster that
cannot be read.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kubekit.api.status_error import StatusError

COMMANDS = ("explain-pod", "simulate")


def add(commands: Any) -> None:
    """The two commands, for the console program's parser."""
    explain = commands.add_parser("explain-pod", help="where would a pod go, and why not elsewhere?")
    explain.add_argument("pod", metavar="POD", help="NAME or NAMESPACE/NAME")
    explain.add_argument(
        "-n", "--namespace", default="default", help="namespace of the pod (default: default)"
    )
    explain.add_argument("--node", metavar="NODE", help="also say what would make this node win")
    _common(explain)
    simulate = commands.add_parser("simulate", help="where would the pods of these manifests go?")
    simulate.add_argument(
        "-f", "--filename", action="append", required=True, metavar="FILE", help="manifests"
    )
    simulate.add_argument(
        "--nodes",
        action="append",
        metavar="FILE",
        help="nodes (and pods on them, volumes ...) as YAML, instead of a real cluster",
    )
    _common(simulate)


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--kubeconfig", metavar="FILE", help="a real cluster, which is only read")
    parser.add_argument("--context", default="", metavar="NAME", help="context of the kubeconfig")
    parser.add_argument("--config", metavar="FILE", help="a KubeSchedulerConfiguration to decide with")
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text")


def run(options: argparse.Namespace) -> int:
    """Run one of them; returns the exit status."""
    from kubekit.client.https_handler import KubeconfigError
    from kubekit.cluster import KubekitError
    from kubekit.scheduler import ConfigError
    from kubekit.scheduler.hypothesis import Impossible
    from kubekit.scheduler.what_if import UnknownPod

    command: Callable[[argparse.Namespace], int] = {"explain-pod": explain_pod, "simulate": simulate}[
        options.command
    ]
    try:
        return command(options)
    except StatusError as error:
        text = f"Error from server ({error.reason}): {error.message}"
    except UnknownPod as error:
        text = f"Error from server (NotFound): {error}"
    except (KubeconfigError, ConfigError, Impossible, KubekitError, OSError) as error:
        text = str(error)
    print(f"kubekit: {text}", file=sys.stderr)
    return 2


def explain_pod(options: argparse.Namespace) -> int:
    """Decide one pod of a real cluster anew."""
    from kubekit.scheduler.suggestions import what_would_make
    from kubekit.scheduler.what_if import Situation
    from kubekit.serving.planning import read_cluster, told

    objects, missing = read_cluster(options.kubeconfig, options.context)
    situation = Situation.of_objects(objects, _text(options.config))
    key = options.pod if "/" in options.pod else f"{options.namespace}/{options.pod}"
    pod = situation.pod(key)
    answer = situation.decide(key)
    suggestions = what_would_make(situation, key, options.node) if options.node else []
    if options.output == "json":
        record = answer.record()
        if options.node:
            record["suggestions"] = [
                {"sentence": one.sentence, "distance": round(one.distance, 3), "alone": one.alone}
                for one in suggestions
            ]
        print(json.dumps(record, indent=2))
    else:
        if pod.node_name:
            print(f"{key} runs on {pod.node_name}. Were it to be scheduled now:\n")
        print(told(answer))
        if options.node:
            print()
            if not suggestions:
                already = answer.attempt.tied == [options.node]
                print(
                    f"{options.node} wins already."
                    if already
                    else f"No single change would make {options.node} win."
                )
            for one in suggestions:
                print(one.sentence + ("." if one.alone else " (drawn among equals)."))
    for line in missing:
        print(f"not considered, as it cannot be read: {line}", file=sys.stderr)
    return 0 if answer.node else 1


def simulate(options: argparse.Namespace) -> int:
    """Place the pods of manifests, one after the other."""
    from kubekit.serving.planning import read_cluster, table, told
    from kubekit.serving.planning import simulate as place

    missing: list[str] = []
    if options.nodes and options.kubeconfig:
        print("kubekit: give either --nodes or --kubeconfig", file=sys.stderr)
        return 2
    if options.nodes:
        surroundings = _objects(options.nodes)
    else:
        surroundings, missing = read_cluster(options.kubeconfig, options.context)
    answers = place(options.filename, surroundings, options.config)
    if options.output == "json":
        print(json.dumps([answer.record() for answer in answers], indent=2))
    else:
        rows: list[Any] = [("POD", "NODE", "WHY NOT")]
        for answer in answers:
            rows.append(
                (answer.attempt.pod.key, answer.node or "-", "" if answer.node else answer.attempt.message)
            )
        print(table(rows))
        lost = [answer for answer in answers if not answer.node]
        placed = len(answers) - len(lost)
        print(f"\n{placed} of {len(answers)} pods would find a node.")
        shown: set[str] = set()
        for answer in lost:
            if answer.attempt.message not in shown:
                shown.add(answer.attempt.message)
                print(f"\n{told(answer)}")
    for line in missing:
        print(f"not considered, as it cannot be read: {line}", file=sys.stderr)
    return 0 if all(answer.node for answer in answers) else 1


def _objects(paths: list[str]) -> dict[str, list[dict[str, Any]]]:
    """Objects of files by resource; lists are unpacked."""
    from kubekit.api.resources import by_plural
    from kubekit.cluster.manifests import objects_of

    found: dict[str, list[dict[str, Any]]] = {}
    for path in paths:
        for obj in objects_of(Path(path)):
            resource = by_plural(obj["kind"])
            name = f"{resource.plural}.{resource.group}" if resource.group else resource.plural
            if resource.namespaced:
                obj["metadata"].setdefault("namespace", "default")
            status = obj.get("status") or {}
            if resource.plural == "nodes" and not status.get("allocatable"):
                obj = {**obj, "status": {**status, "allocatable": status.get("capacity") or {}}}
            found.setdefault(name, []).append(obj)
    return found


def _text(path: str | None) -> str | None:
    return Path(path).read_text() if path else None
