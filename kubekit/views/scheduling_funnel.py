"""The scheduling funnel: one attempt, from the queue through each filter and score to pick and binding.

A column is a node, a row a plugin. Nodes fall out of the funnel where a filter refuses them; the score
table below is a heat map of what is left (raw, scaled, or weighted). The stepper goes through the attempt
row by row. Everything comes from the attempt's record; in a large cluster the picked node, the best ones
and one of each refusal are shown, and the fold says how many are not.
"""

from __future__ import annotations

from typing import Any

from kubekit.sim import Record
from kubekit.views.funnel_scene import FORMS, FunnelScene
from kubekit.views.view import Table, View

Obj = dict[str, Any]


class SchedulingFunnel(View):
    """One scheduling attempt of a pod: of the record given."""

    name = "scheduling_funnel"

    def __init__(
        self, subject: str, record: Record | None, meta: list[list[str]], cluster_id: str = ""
    ) -> None:
        self.subject = subject
        name = subject.partition("/")[2]
        short = name.rpartition("/")[2]
        if record is None:
            scene: Obj = {
                "title": f"No attempt to schedule {name} yet",
                "meta": meta,
                "inspector": False,
                "empty": f"No attempt yet. Create a pod: `%kubectl run {short} --image=nginx`",
                "sentence": f"kube-scheduler has not tried {name} yet.",
            }
            super().__init__(scene, scene["title"], Table(scene["title"], ["node", "total", "verdict"], []))
            return
        self.attempt = attempt = FunnelScene(record)
        rows = attempt.filter_rows + attempt.score_rows
        stops = attempt.stops()
        scene = {
            "title": attempt.title,
            "meta": [["attempt", str(attempt.came_in["attempt"])], ["t =", f"{record.at:.3f} s"], *meta[1:]],
            "legend": attempt.legend(),
            "inspector": False,
            "unit": "step",
            "queue": attempt.queue(),
            "nodes": attempt.columns(),
            "rows": rows,
            "forms": list(FORMS) if attempt.score_rows else [],
            "picked": attempt.picked,
            "end": attempt.end(),
            "message": attempt.message_parts(stops),
            "records": stops,
            "cursor": next((at for at, one in enumerate(stops) if one["kind"] == "pick"), len(stops) - 1),
            "cluster": cluster_id,
        }
        if attempt.hidden:
            scene["fold"] = {"text": attempt.fold(), "toggle": False}
        text = "\n".join([attempt.title, *attempt.lines()])
        super().__init__(scene, text, attempt.table())
