"""The framework: how plugins are asked, in which order, and what their answers mean.

It knows no plugin by name and nothing of the API server; the scheduler's own plugins and a learner's are the
same to it.

Reading order: `plugin` (what a plugin is), `status` (what it answers), `runtime` (one loop an extension
point), `pod_info` and `node_info` (what it looks at; `resources` and `selector` do the arithmetic),
`cycle_state` (what it remembers during one attempt), `events` (what may change its mind), `fit_error`
(the text when nothing fits).
"""
