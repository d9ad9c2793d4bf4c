"""client: how every component talks to the cluster, and how it remembers what it heard.

The client speaks to any `Handler`: the API server in this process, or an HTTPS connection to a real
cluster. On top of its verbs stand the four mechanisms that all controllers, the scheduler and the kubelets
share: a reflector (list, then watch, then watch again), an informer (an indexed local copy with handlers), a
work queue (each key once, failures wait longer) and an event recorder (many alike become one with a count).

Reading order: `rest_client`, `reflector`, `informer`, `workqueue`, `event_recorder`, `leader_election`;
`https_handler` is the Handler for a real cluster.

Objects that come out of this room are shared with the whole process: never change one, make a changed copy.

Left out against client-go: client-side rate limits (QPS and burst), protobuf, typed clients, resync periods
of informers (a controller that needs one sets a background timer), watch-list streaming on by default.
"""

from kubekit.client.event_recorder import Correlator, EventRecorder, reference_to
from kubekit.client.informer import Informer, InformerFactory, Registration
from kubekit.client.leader_election import LeaderElection
from kubekit.client.reflector import Reflector
from kubekit.client.rest_client import APPLY, JSON_PATCH, MERGE, STRATEGIC_MERGE, Client, resource_of
from kubekit.client.workqueue import WorkQueue

__all__ = [
    "APPLY",
    "JSON_PATCH",
    "MERGE",
    "STRATEGIC_MERGE",
    "Client",
    "Correlator",
    "EventRecorder",
    "Informer",
    "InformerFactory",
    "LeaderElection",
    "Reflector",
    "Registration",
    "WorkQueue",
    "reference_to",
    "resource_of",
]
