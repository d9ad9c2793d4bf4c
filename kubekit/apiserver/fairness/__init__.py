"""Chapter: priority and fairness - who may be served when too many ask.

Reading order:
  1. `defaults`       the flow schemas and priority levels that every cluster has
  2. `matching`       which flow schema a request belongs to: the first by precedence of which a rule matches
  3. `level`          a level's seats, and what it has counted
  4. `borrowing`      how levels lend each other seats, every ten seconds; `allocation` is its arithmetic
  5. `flow_control`   takes and gives back seats, and keeps the mandatory objects as they must be
  6. `hands`          which queues a flow is dealt
  7. `figures`, `dumps`   /metrics and /debug/api_priority_and_fairness

Every request belongs to one FlowSchema, which names a PriorityLevelConfiguration, whose share of the
server's 600 seats says how many of its requests are served at once. Nobody can take the seats that the nodes
need to say that they are alive. `system:masters` is exempt.

Left out: waiting in queues. One engine answers one request after the other, also those that come over HTTPS
at the same time, and each takes none of the cluster's time. So a seat can only be taken by a request inside
of which another one is made (by a webhook): that one would wait for a seat that is given back when it is
answered. The original lets it wait until its time is out; here it is sent away at once, with the same 429.
"""
