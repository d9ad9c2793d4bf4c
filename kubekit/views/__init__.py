"""views: pictures of records.

A view draws records and public state, and nothing else: no number is computed for display. Each has two
files: `<view>.py` turns records into a *scene* (plain JSON with every word and figure that will be shown) and
into the text and table that stand for it where no widget runs; `static/<view>.js` draws the scene.

Reading order: `view` (what a view is: scene, text, table, widget), `static/base.js` (anatomy, stepper,
inspector, keyboard), then any one view beside its `.js`. Three look into etcd: `revision_explorer` (with
`revision_history`, `revision_scene`, `stored_value`), `raft_theatre` (`raft_frames`, `raft_actions`) and
`inside_the_file` (`file_pages`, `file_words`). Those of the scheduler: `scheduling_funnel` (`funnel_scene`),
`queue_over_time`, `preemption` (`preemption_story`),
`what_if` (`what_if_forms`). Of the API server: `request_walk` (`walk_rows`, `wire_form`), `rights`,
`race`.

Left out on purpose: a build step, external requests, and drawing in Python.
"""

from __future__ import annotations

from typing import Any


def views_of(cluster: Any) -> Any:
    """The pictures of a cluster: what `cluster.view` is."""
    from kubekit.views.namespace import Views

    return Views(cluster)


def present(cluster: Any) -> dict[str, Any]:
    """How a notebook shows a cluster: as its map."""
    from kubekit.views.cluster_map import ClusterMap

    return ClusterMap(cluster)._repr_mimebundle_()
