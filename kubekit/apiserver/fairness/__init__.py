"""Chapter: priority and fairness - who may be served when too many ask.

Reading order:
  1. `defaults`       the flow schemas and priority levels that every cluster has
  2. `matching`       which flow schema a request belongs to: the first, by precedence, of which a rule
  matches 3. `flow_control`   the seats of each level, and the two objects kept as they must be

Every request belongs to one FlowSchema, which names a PriorityLevelConfiguration, whose share of the
server's 600 seats says how many of its requests are served at once. Nobody can take the seats that the nodes
need to say that they are alive. `system:masters` is exempt.

Left out: queues (here nothing can wait inside a request: who finds no seat is sent away at once, with 429,
as by a level of type Reject), and levels that lend each other their seats.
"""
