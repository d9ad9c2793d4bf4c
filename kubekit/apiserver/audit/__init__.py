"""Chapter: the audit log - who asked what, when, and what came of it.

Reading order:
  1. `policy`   the file: which requests are written down, and how much of each
  2. `trail`    one request's events, stage by stage: RequestReceived, ResponseStarted, ResponseComplete,
  Panic 3. `log`      where events go: a bounded list in memory, and lines of JSON in a file

    kubekit.up(audit_policy="policy.yaml", audit_log="audit.log")
    cluster.apiserver.audit.events[-1]["annotations"]["authorization.k8s.io/reason"]

Not to be taken for the records: those are this kit's own, of everything, for looking; an audit log is what a
real cluster can be made to keep, and is as blind as its policy. Left out: sending events to a webhook.
"""
