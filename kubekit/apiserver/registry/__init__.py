"""Chapter: the registry - the generic store, and what is particular about each kind.

Reading order: `strategy` (the questions every kind is asked), `traits` (the usual answers, as a table),
`store` and `deletion` (what the verbs do with them), `builtin` (which kind has which strategy, and where
it lies in etcd), then the kinds one by one: `pods`, `services`, `namespaces`, ...

To give a kind a behaviour of its own, copy a neighbour and add its line to `builtin.STRATEGIES`.
Left out against the original: feature gates and the fields behind those that are off.
"""
