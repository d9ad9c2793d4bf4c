"""The plugins: one rule a file, all of them in `registry`.

A plugin's file says what it refuses (constants at the top), which events might change its mind (`events` and
the hints), and what it answers at each extension point it takes part in. Files without a line in the registry
are halves or shared parts of plugins: `taints`, `resource_scoring`, `inter_pod_affinity_score`,
`pod_topology_spread_score`, `spread_constraints`, `volume_binder`, `volume_facts`.

To add one, copy a neighbour: `node_name` for a filter, `image_locality` for a score.
"""
