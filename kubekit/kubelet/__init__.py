"""kubelet: runs pods on one node, over a simulated container runtime.

Each pod has a worker that compares what the pod's spec wants with what the runtime shows, starts and kills
containers through the CRI, and sets the pod's status; the status manager brings that to the API server. Time
passes only where something waits (`task`): a pull, a hook, a grace period. Processes are not run but read:
a container's command becomes a timeline (`script`), so it ends, prints and answers as it would. Only a
command that uses the network is driven step by step (`process`), for nobody knows the answers beforehand.

Reading order: `kubelet` (what it consists of), `pod_worker` (one pod's life), `pod_actions` (what to do),
`pod_sync` and `container_start` (doing it), `cri` and `runtime` (the node's side), `pleg` (hearing of it),
`pod_status` with `phase`, `conditions`, `container_status` (what to say of it), `status_manager` (saying it),
`prober`, `images`, `volumes`, `manifests` and `static_pods`, `admission`, `eviction`,
`node_status`, `server` (logs, exec and the other streams).

What a person sees inside a container: `shell_syntax` (a script's tree), `steps` and `shell` (running it step
by step), `programs` with `image_programs`, `filters`, `file_programs` and `tar` (what there is to call),
`image_files` and `mounts` (what lies where), then the streams: `terminal_line` (keys), `exec_session`,
`attach_session`, `log_stream` (follow), `port_forward` with `http_server` (bytes to and from a server).

What a container's programs say to others: `pod_network` (what the node gives them), `web_site`, `pod_files`
and `resolver` (names), `network_programs` with `curl_options`, `curl`, `container_curl`, `wget`,
`name_programs`, `reach_programs`, `address_programs`, `package_programs`.

Left out against the original: cgroups and real resource use, volume plugins other than ConfigMap, Secret,
projected, downward API and hostPath (the others mount at once), device plugins and dynamic resources, garbage
collection of images, RestartAllContainers rules, checkpointing, user namespaces.
"""

from kubekit.kubelet.images import ImageStore
from kubekit.kubelet.kubelet import CAPACITY, Kubelet
from kubekit.kubelet.manifests import ManifestDirectory
from kubekit.kubelet.runtime import Runtime

__all__ = ["CAPACITY", "ImageStore", "Kubelet", "ManifestDirectory", "Runtime"]
