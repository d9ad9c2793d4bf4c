"""Chapter: the API server - the one door to the cluster's state.

Reading order:
  1. `request_info`, `context`      what a request asks for, and what is learnt about it on its way
  2. `pipeline`                     the filters, outermost first: authentication, impersonation ...
     `known_requests`               the short way for requests like one that has passed them
  3. `authentication`, `rbac`       who is it, may they;  `fairness/`  is there a seat
  4. `endpoints/`                   the verbs: create, read, watch, update, patch, delete
  5. `admission/`, `validation/`    who else has a say, what is wrong with an object
  6. `registry/`                    the generic store and what is particular about each kind
  7. `storage`, `watch_cache`       etcd's words, and what the server remembers and tells
     `compactor`, `shared_lease`    what etcd may forget, and when it deletes Events
  8. `encryption/`                  what is done to values before etcd gets them
  9. `audit/`                       what is written down of requests, when a policy wants it
 10. `server`, `boot`, `records`    the component, an empty cluster's first objects, what views see
     `record_steps`, `filled_in`    what each plugin and the defaulting changed, made when somebody looks
     `stopwatch`                    how long each step took, when somebody asks

Left out against the original: answers in protobuf, webhooks' own calls, aggregation of other API servers.
"""

from kubekit.apiserver.server import APIServer

__all__ = ["APIServer"]
