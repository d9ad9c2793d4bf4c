"""The card of a component on the cluster map: its state, its work, what its absence means, and its verbs."""

from __future__ import annotations

from typing import Any

from kubekit.cluster.defaults import CONTROL_PLANE
from kubekit.views import etcd_on_the_map
from kubekit.views.component_facts import FACTS, Facts

GLYPH = {"running": "run", "stopped": "stop", "crashed": "fail", "paused": "pause"}
"""The sign of each state."""


def card_of(cluster: Any, component: Any) -> dict[str, Any]:
    """What the inspector says of a component, and what can be done to it."""
    _, _, node = component.name.partition("/")
    kind = etcd_on_the_map.kind_of(component.name)
    facts: Facts = FACTS[kind]
    on = node or next(iter(cluster.nodes), CONTROL_PLANE)
    if kind == "etcd" and component.name != "etcd":
        on = f"its own host, {etcd_on_the_map.host_of(component)}"
    several = kind == "etcd" and len(etcd_on_the_map.members_of(cluster)) > 1
    if several:
        facts = etcd_on_the_map.facts_of_a_member(cluster, facts)
    state = component.state
    hue = {"running": "good", "crashed": "refuse"}.get(state, "off")
    parts: list[dict[str, Any]] = [
        {"name": "since", "text": f"t = {component.since:.1f} s"},
        {"name": "whom it talks to", "text": facts.talks_to},
    ]
    if state != "running":
        parts.append(
            {"name": "goes on without it", "rows": [{"glyph": "pass", "text": t} for t in facts.goes_on]}
        )
        parts.append({"name": "waits for it", "rows": [{"glyph": "wait", "text": t} for t in facts.waits]})
    else:
        parts.append({"name": "what it does", "text": facts.does})
    own = [
        record
        for record in cluster.records
        if record.component == component.name and record.kind != "component"
    ]
    if own:
        parts.append({"name": "its last record", "pre": f"t = {own[-1].at:.3f} s\n{own[-1].sentence}"})
    verbs = {"running": ("stop", "crash", "pause"), "paused": ("resume", "stop")}.get(state, ("start",))
    glyphs = {"start": "play", "resume": "play", "stop": "stop", "crash": "refuse", "pause": "pause"}
    own_path = etcd_on_the_map.python_of(cluster, component.name)
    path = own_path if kind == "etcd" else _python_of(component.name)
    return {
        "title": component.name,
        "sub": f"on {on}" + (f", port `{facts.port}`" if facts.port else ""),
        "chip": {"hue": hue, "glyph": GLYPH[state], "text": state},
        "parts": parts,
        "actions": [
            *(
                {
                    "name": verb,
                    "text": verb,
                    "glyph": glyphs[verb],
                    "arguments": {"component": component.name},
                    "code": f"{path}.{verb}()",
                }
                for verb in verbs
            ),
            {"text": "copy as code", "copy": f"{path}.{verbs[0]}()"},
        ],
    }


def _python_of(name: str) -> str:
    kind, _, node = name.partition("/")
    attribute = {
        "kube-scheduler": "scheduler",
        "kube-controller-manager": "controller_manager",
        "kube-apiserver": "apiserver",
        "kube-proxy": "kube_proxy",
    }.get(kind, kind)
    return f'cluster.node("{node}").{attribute}' if node else f"cluster.{attribute}"
