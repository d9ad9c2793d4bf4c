"""Chapter: the scheduler - which node a pod gets, and why.

A pod is created without a node. The scheduler watches for such pods, asks for each one which nodes
*could* run it (filter) and which *should* (score), and writes its choice down as a Binding. It starts
nothing: the kubelet of that node does. It moves nothing: a pod that has a node keeps it.

Reading order:
  1. `schedule_one`      one pod's way, top to bottom;  `algorithm` its heart;  `binding` its end;  `failure`
  2. `framework/plugin`  how a plugin is written;  `framework/runtime` how plugins are asked;
                         `framework/guard` what happens when one misbehaves
  3. `plugins/`          one rule a file: `node_name` is the shortest, `node_resources_fit` the most important
  4. `scheduling_queue`  who is next, and who waits for what;  `backoff_queue`, `nominator`, `in_flight`;
                         `queue_history` who moved whom
  5. `preemption`        making room;  `preemption_executor` carries it out
  6. `snapshot`, `cache` what a cycle looks at;  `event_handlers` what changes it
  7. `framework/node_table`, `framework/array_runtime`  the same questions for thousands of nodes at once: the
                         array form of a plugin stands in its file (`plugins/*_columns` what several share);
                         `framework/standing_answers` what is kept from one pod to the next of its kind
  8. `attempt`           the record of a decision;  `scheduler` the component;  `workbench` what a learner may
                         do to it
  9. `config`            profiles (`config_form`, `config_validation`);  `extender`, `extender_calls`
                         programs outside that have a say
 10. `what_if`           a decision without consequences;  `changes`, `hypothesis`;  `suggestions`: what would
                         make this node win

Left out against the original: metrics, gang scheduling and placement of pod groups (alpha), allocation of
devices (dynamic resources are only honoured when allocated), opportunistic batching (never applies to the
default profile) and scoring by storage capacity (off by default).
"""

from kubekit.scheduler.attempt import Attempt
from kubekit.scheduler.config import ConfigError
from kubekit.scheduler.framework.plugin import Plugin, Waiting
from kubekit.scheduler.framework.status import SKIP, Code, Status, unresolvable, unschedulable
from kubekit.scheduler.scheduler import Scheduler

__all__ = [
    "SKIP",
    "Attempt",
    "Code",
    "ConfigError",
    "Plugin",
    "Scheduler",
    "Status",
    "Waiting",
    "unresolvable",
    "unschedulable",
]
