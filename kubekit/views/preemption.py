"""Preemption: who would have to go on which node, by which rule one node wins, and how long that takes.

A column is a node, a row a rule: candidates fall out where a rule prefers others. Below, the victims'
leaving: from the scheduler's DELETE through the grace that each was given until the pod is bound. The
candidates come from the attempt's record (`PostFilter`), the times from the records of the victims.

`Preemption(subject, records_of, meta)`; `records_of(subject)` gives the records of an object. Everything is
read from them; the drawing computes positions only. How the record is taken apart: `preemption_story`.
"""

from __future__ import annotations

from typing import Any

from kubekit.sim import Record
from kubekit.views.preemption_story import PreemptionStory, RecordsOf, findings_of, post_filter_of
from kubekit.views.view import Table, View

Obj = dict[str, Any]


class Preemption(View):
    """The last preemption for a pod, or why there was none."""

    name = "preemption"

    def __init__(
        self, subject: str, records_of: RecordsOf, meta: list[list[str]], cluster_id: str = ""
    ) -> None:
        self.subject = subject
        self.pod = subject.partition("/")[2]
        tried = [record for record in records_of(subject) if record.kind == "schedule"]
        found = next((one for one in reversed(tried) if findings_of(one)), None)
        if found is None:
            self._none(tried[-1] if tried else None, meta)
            return
        story = PreemptionStory(self.pod, found, records_of)
        records = story.stops()
        chosen = next((at for at, one in enumerate(records) if one["kind"] == "pick"), len(records) - 1)
        scene: Obj = {
            "title": story.title,
            "meta": [["attempt", str(found.came_in["attempt"])], ["t =", f"{found.at:.3f} s"], *meta[1:]],
            "legend": story.legend(),
            "unit": "step",
            "spoken": "record",
            "nodes": story.columns(),
            "rules": story.rules(),
            "chosen": story.chosen,
            "times": story.times,
            "records": records,
            "cursor": chosen,
            "cluster": cluster_id,
        }
        if story.hidden:
            scene["fold"] = {"text": story.fold(), "toggle": False}
        super().__init__(scene, "\n".join([story.title, *story.lines()]), story.table())

    def _none(self, record: Record | None, meta: list[list[str]]) -> None:
        title = f"Nobody was preempted for {self.pod}"
        message = ""
        if record is None:
            said = f"kube-scheduler has not tried {self.pod} yet."
            empty = (
                f"No attempt yet. Create a pod: `%kubectl run {self.pod.rpartition('/')[2]} --image=nginx`"
            )
        elif record.came_out.get("node"):
            said = (
                f"{self.pod} found room on {record.came_out['node']}; preemption begins where no node fits."
            )
            empty = said
        else:
            step = post_filter_of(record)
            message = step.reason if step is not None else record.came_out.get("message", "")
            said = f"kube-scheduler looked for less important pods and preempts none: {message}"
            empty = f"{said} A priority above other pods' lets a pod preempt them: `priorityClassName`."
        scene: Obj = {
            "title": title,
            "meta": meta,
            "inspector": False,
            "empty": empty,
            "sentence": said,
            "refused": bool(message),
        }
        super().__init__(scene, f"{title}\n{said}", Table(f"{title}. {said}", ["node", "victims", "why"], []))
