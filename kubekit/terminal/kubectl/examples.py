"""Examples for the help of commands that stand in trees of many: what to type, a line or two for each.

`with_examples(command)` gives each command below its own. Commands with a file of their own have their
examples there. Called where the trees are made.

>>> EXAMPLES["config use-context"]
'kubectl config use-context dev'
"""

from __future__ import annotations

from kubekit.terminal.cli.command import Command

_LINES = """
apply edit-last-applied deployment/web
apply set-last-applied -f web.yaml --create-annotation
apply view-last-applied deployment/web -o json
auth reconcile -f roles.yaml
auth whoami -o yaml
certificate approve ann
certificate deny mallory
config current-context
config delete-cluster kind
config delete-context dev
config delete-user ann
config get-clusters
config get-contexts
config get-contexts dev
config get-users
config rename-context dev test
config set clusters.kind.server https://127.0.0.1:6443
config set-cluster kind --server=https://127.0.0.1:6443
config set-context --current --namespace=shop
config set-context dev --cluster=kind --user=ann
config set-credentials ann --token=abc
config unset users.ann.token
config use-context dev
config view --minify
config view -o jsonpath='{.contexts[*].name}'
create clusterrole reader --verb=get,list,watch --resource=pods,nodes
create clusterrole health --verb=get --non-resource-url=/healthz
create clusterrolebinding ann-reads --clusterrole=view --user=ann
create configmap settings --from-literal=color=blue --from-file=app.conf
create cronjob nightly --image=busybox --schedule='0 3 * * *' -- date
create deployment web --image=nginx --replicas=3
create deployment box --image=busybox -- sleep 3600
create ingress web --class=nginx --rule='shop.io/*=web:80'
create job once --image=busybox -- date
create job now --from=cronjob/nightly
create namespace shop
create poddisruptionbudget web --selector=app=web --min-available=1
create priorityclass urgent --value=1000
create quota small --hard=pods=10,requests.cpu=2
create role reader --verb=get,list --resource=pods,pods/log
create role one --verb=get --resource=configmaps --resource-name=settings
create rolebinding ann-edits --clusterrole=edit --user=ann
create rolebinding robot --role=reader --serviceaccount=shop:robot
create secret docker-registry pull --docker-username=ann --docker-password=secret --docker-email=a@b.io
create secret generic login --from-literal=user=ann --from-file=key.txt
create secret tls web --cert=web.crt --key=web.key
create service clusterip web --tcp=80:8080
create service clusterip db --clusterip=None
create service externalname db --external-name db.shop.io
create service loadbalancer web --tcp=80:8080
create service nodeport web --tcp=80:8080 --node-port=30080
create serviceaccount robot
create token robot --duration=1h
rollout history deployment/web
rollout history deployment/web --revision=2
rollout pause deployment/web
rollout restart deployment/web
rollout restart deployment --selector=app=web
rollout resume deployment/web
rollout status deployment/web --timeout=60s
rollout undo deployment/web
rollout undo deployment/web --to-revision=2
set env deployment/web LOG=debug COLOR-
set env deployment/web --list
set image deployment/web nginx=nginx:1.29
set resources deployment/web --requests=cpu=100m --limits=memory=128Mi
set selector service/web app=web,tier=front
set serviceaccount deployment/web robot
set subject rolebinding/readers --user=ann --serviceaccount=shop:robot
"""


def _by_command() -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for line in _LINES.strip().splitlines():
        words = line.split()
        path = words[: 3 if words[1] in ("secret", "service") and words[0] == "create" else 2]
        found.setdefault(" ".join(path), []).append(f"kubectl {line}")
    return {path: "\n".join(lines) for path, lines in found.items()}


EXAMPLES = _by_command()
"""Each command's examples, by its path below kubectl."""


def with_examples(command: Command, above: str = "") -> Command:
    """The command; it and all below it have their examples now."""
    path = f"{above} {command.name}".strip()
    command.example = command.example or EXAMPLES.get(path, "")
    for one in command.commands:
        with_examples(one, path)
    return command
