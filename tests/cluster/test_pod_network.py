"""Programs in pods on the network of a cluster: DNS, Services, cut cables, the API server, loops that ask."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import kubekit
from kubekit.cluster import Cluster

PODS = """
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec: {nodeName: node02, containers: [{name: nginx, image: "nginx:1.28", ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{name: http, port: 8080, targetPort: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: head}
spec: {clusterIP: None, selector: {app: web}, ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: nobody}
spec: {selector: {app: nobody}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: alias}
spec: {type: ExternalName, externalName: web.default.svc.cluster.local}
---
apiVersion: v1
kind: Pod
metadata: {name: box}
spec: {nodeName: node01, containers: [{name: c, image: "nicolaka/netshoot", command: [sleep, "3600"]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: host}
spec: {nodeName: node01, hostNetwork: true, containers: [{name: c, image: busybox, command: [sleep, "3600"]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: own}
spec:
  nodeName: node01
  dnsPolicy: None
  dnsConfig: {nameservers: [10.96.0.10], searches: [svc.cluster.local], options: [{name: ndots, value: "2"}]}
  hostAliases: [{ip: 10.1.2.3, hostnames: [db.local]}]
  containers: [{name: c, image: "nicolaka/netshoot", command: [sleep, "3600"]}]
"""

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    made = kubekit.up(workers=2, images_present=True, name="pod-network")
    made.apply(PODS)
    made.settle()
    return made


@pytest.fixture
def sh(cluster: Cluster) -> Run:
    def run(line: str, pod: str = "box") -> tuple[int, str, str]:
        return cluster.exec("default", pod, "", ["sh", "-c", line])

    return run


def test_a_service_by_all_its_names(sh: Run) -> None:
    for name in ("web", "web.default", "web.default.svc", "web.default.svc.cluster.local", "alias"):
        assert "Welcome to nginx!" in sh(f"curl -s {name}:8080")[1], name
    assert sh("curl nobody")[0] == 7
    assert sh("curl -m 1 web")[0] == 28, "a port that the Service does not have"
    assert sh("curl web.shop:8080")[0] == 6


def test_packets_and_questions_leave_records(cluster: Cluster, sh: Run) -> None:
    sh("curl -s web:8080")
    packet, query = cluster.records.kind("packet")[-1], cluster.records.kind("query")[-1]
    assert packet.subject == "pod/default/box" and packet.came_out["receiver"] == "pod/default/web"
    assert packet.came_in["asked_for"] == "web:8080" and packet.came_out["picked"]
    assert query.came_in["name"] == "web" and query.came_out["name"] == "web.default.svc.cluster.local"


def test_names(cluster: Cluster, sh: Run) -> None:
    ip = cluster.get("pod", "web")["status"]["podIP"]
    assert sh("dig +short head.default.svc.cluster.local")[1] == f"{ip}\n"
    dashed = ip.replace(".", "-")
    assert sh(f"dig +short {dashed}.default.pod.cluster.local")[1] == f"{ip}\n"
    assert sh("dig +short SRV _http._tcp.head.default.svc.cluster.local")[1] == (
        f"0 100 80 {dashed}.head.default.svc.cluster.local.\n"
    )
    assert sh("dig +short -x 10.96.0.1")[1] == "kubernetes.default.svc.cluster.local.\n"
    assert "status: NXDOMAIN" in sh("dig nothing.default.svc.cluster.local")[1]
    assert "203.0.113.10" in sh("dig +short example.com")[1]
    assert sh("host web.shp")[0] == 1


def test_a_pod_with_its_own_configuration(sh: Run) -> None:
    assert sh("cat /etc/resolv.conf", "own")[1] == (
        "search svc.cluster.local\nnameserver 10.96.0.10\noptions ndots:2\n"
    )
    assert sh("getent hosts db.local", "own")[1] == "10.1.2.3        db.local\n"
    assert sh("curl -s -o /dev/null web.default:8080", "own")[0] == 0
    assert sh("curl web:8080", "own")[0] == 6
    assert sh("nslookup web.default.svc.cluster.local", "host")[0] == 1, "the node's name server"


def test_localhost_is_the_pod(sh: Run) -> None:
    assert sh("curl -s localhost", "web")[0] == 0
    assert sh("curl -s 127.0.0.1:81", "web")[0] == 7
    assert sh("curl -s localhost")[0] == 7


def test_a_cut_cable(cluster: Cluster, sh: Run) -> None:
    ip = cluster.get("pod", "web")["status"]["podIP"]
    assert "0% packet loss" in sh(f"ping -c 2 {ip}")[1]
    assert sh("ping -c 1 192.168.0.10")[0] == 0
    assert sh("ping -c 1 web")[0] == 1, "a cluster IP is nobody's"
    cluster.fabric.cut("node01", "node02")
    try:
        assert "100% packet loss" in sh(f"ping -c 1 {ip}")[1]
        assert sh("curl -m 2 web:8080")[2] == "curl: (28) Connection timed out after 2001 milliseconds\n"
    finally:
        cluster.fabric.mend()


def test_the_node_sends_for_a_pod_on_its_network(cluster: Cluster, sh: Run) -> None:
    ip = cluster.get("pod", "web")["status"]["podIP"]
    assert sh(f"wget -qO- {ip}", "host")[0] == 0
    assert cluster.records.kind("packet")[-1].subject == "node/node01"


def test_the_ports_of_a_node(cluster: Cluster, sh: Run) -> None:
    for pod in ("box", "host"):
        assert '"nodeEligible": true' in sh("wget -qO- 192.168.0.11:10256/healthz", pod)[1]
        assert sh("wget -qO- 192.168.0.11:10257", pod)[0] == 1
    assert '"nodeEligible": true' in sh("wget -qO- localhost:10256/healthz", "host")[1]
    assert sh("curl -sk https://192.168.0.11:10250/pods")[1] == "Unauthorized"
    assert sh("curl -s http://192.168.0.11:10250/pods")[1].startswith("Client sent an HTTP request")


def test_the_api_server(cluster: Cluster, sh: Run) -> None:
    place = "/var/run/secrets/kubernetes.io/serviceaccount"
    token = f'-H "Authorization: Bearer $(cat {place}/token)"'
    assert '"gitVersion": "v1.36' in sh("curl -sk https://kubernetes.default/version")[1]
    assert '"code": 403' in sh("curl -sk https://kubernetes.default/api")[1]
    assert '"code": 401' in sh("curl -sk https://kubernetes.default/api -H 'Authorization: Bearer x'")[1]
    assert '"v1"' in sh(f"curl -sk https://kubernetes.default/api {token}")[1]
    assert sh("curl https://kubernetes.default/version")[0] == 60
    known = f"curl -s --cacert {place}/ca.crt"
    forbidden = sh(f"{known} https://kubernetes.default.svc/api/v1/namespaces/default/pods {token}")[1]
    assert 'User \\"system:serviceaccount:default:default\\" cannot list resource \\"pods\\"' in forbidden
    assert sh("curl -s http://kubernetes.default:443")[1].startswith("Client sent an HTTP request")


def log(cluster: Cluster, pod: str, container: str = "c") -> list[str]:
    """The lines of a container's log."""
    node = cluster.nodes[cluster.get("pod", pod)["spec"]["nodeName"]]
    found = node.runtime.find("default", pod, container)
    return [] if found is None else [text for _, text in found.log]


def one(name: str, script: str, **spec: object) -> dict[str, object]:
    container = {"name": "c", "image": "busybox:1.37", "command": ["sh", "-c", script]}
    return {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
        "spec": {"containers": [container], **spec},
    }  # fmt: skip


def test_a_container_whose_own_command_asks(cluster: Cluster) -> None:
    cluster.create(one("asks", "while true; do wget -qO- web:8080 | grep title; sleep 5; done"))
    cluster.create(one("once", "wget -qO- nope; echo over; exit 3", restartPolicy="Never"))
    cluster.settle()
    cluster.advance("20s")
    assert log(cluster, "asks")[:4] == ["<title>Welcome to nginx!</title>"] * 4
    assert log(cluster, "once") == ["wget: bad address 'nope'", "over"]
    ended = cluster.get("pod", "once")["status"]["containerStatuses"][0]["state"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (3, "Error")
    cluster.delete("pod", "asks")
    cluster.settle()


def test_an_image_of_curl_takes_words_as_curls(cluster: Cluster) -> None:
    ended = one("words", "", restartPolicy="Never")
    ended["spec"]["containers"] = [  # type: ignore[index]
        {
            "name": "c",
            "image": "curlimages/curl",
            "args": ["-so", "/dev/null", "-w", "%{http_code}", "web:8080"],
        }
    ]
    cluster.create(ended)
    cluster.run_until("pod/words is Succeeded", timeout="30s")
    assert log(cluster, "words") == ["200"]


def test_an_init_container_that_waits_for_a_name(cluster: Cluster) -> None:
    waiting = one("late", "sleep 3600")
    script = "until nslookup mydb.default.svc.cluster.local; do echo waiting; sleep 2; done"
    waiting["spec"]["initContainers"] = [  # type: ignore[index]
        {"name": "init", "image": "busybox:1.28", "command": ["sh", "-c", script]}
    ]
    cluster.create(waiting)
    cluster.settle()
    assert cluster.get("pod", "late")["status"]["phase"] == "Pending"
    assert "waiting" in log(cluster, "late", "init")
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "mydb"}}
    cluster.create({**service, "spec": {"ports": [{"port": 80}]}})
    cluster.run_until("pod/late is Running", timeout="30s")


def test_a_load_generator_does_not_take_the_time_over(cluster: Cluster) -> None:
    cluster.create(one("load", "while sleep 0.01; do wget -q -O- http://web:8080; done"))
    cluster.settle()
    before = len(cluster.records.kind("packet"))
    cluster.advance("60s")
    assert 20 < len(cluster.records.kind("packet")) - before < 120
    cluster.delete("pod", "load")


def test_a_server_that_a_script_starts(cluster: Cluster) -> None:
    cluster.create(one("listens", "wget -q -O /tmp/x web:8080; nc -lk -p 9000"))
    cluster.settle()
    ip = cluster.get("pod", "listens")["status"]["podIP"]
    assert cluster.exec("default", "box", "", ["nc", "-zv", ip, "9000"])[0] == 0
    assert cluster.exec("default", "box", "", ["nc", "-z", ip, "9001"])[0] == 1


def test_probes_that_ask(cluster: Cluster) -> None:
    probed = one("probed", "sleep 3600")
    probe = {"exec": {"command": ["wget", "-qO-", "localhost"]}, "periodSeconds": 2}
    probed["spec"]["containers"][0]["readinessProbe"] = probe  # type: ignore[index]
    cluster.create(probed)
    cluster.settle()

    def ready() -> bool:
        return bool(cluster.get("pod", "probed")["status"]["containerStatuses"][0]["ready"])

    assert not ready()
    beside = one("beside", "sleep 3600")
    beside["spec"]["containers"] += [{"name": "web", "image": "nginx:1.28"}]  # type: ignore[index]
    beside["spec"]["containers"][0]["readinessProbe"] = probe  # type: ignore[index]
    cluster.create(beside)
    cluster.settle()
    assert all(c["ready"] for c in cluster.get("pod", "beside")["status"]["containerStatuses"])
