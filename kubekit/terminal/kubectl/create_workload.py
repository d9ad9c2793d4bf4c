"""`kubectl create deployment | job | cronjob`: workloads from an image and a command.

Source: k8s.io/kubectl/pkg/cmd/create (create_deployment.go, create_job.go, create_cronjob.go).
"""

from __future__ import annotations

from kubekit.api.exchange import Obj
from kubekit.sim import Rng
from kubekit.terminal.cli.command import Command
from kubekit.terminal.cli.errors import CommandError
from kubekit.terminal.cli.flags import Flag, number, string
from kubekit.terminal.kubectl import selection
from kubekit.terminal.kubectl.call import Call, meta
from kubekit.terminal.kubectl.generate import create_flags, metadata, one_name, required, submit


def container_name(image: str, chance: Rng) -> str:
    """The name that a container gets from its image; one that had to be changed gets a random end."""
    name = image.rpartition("/")[2].split(":")[0].split("@")[0]
    changed = name.replace("_", "-").replace(".", "-")
    return name if changed == name else f"{changed}-{chance.suffix()}"


def _command_words(call: Call) -> list[str]:
    return call.args[call.dash_at :] if call.dash_at >= 0 else call.args[1:]


def deployment(call: Call) -> None:
    """`kubectl create deployment NAME --image=IMAGE`."""
    required(call, "image")
    name = one_name(call, command=True)
    images, words = call.flag("image"), _command_words(call)
    if len(images) > 1 and words:
        raise CommandError("cannot specify multiple --image options and command")
    labels = {"app": name}
    containers: list[Obj] = []
    for image in images:
        label = container_name(image, call.program.chance)
        containers.append({"image": image, "name": label, **({"command": words} if words else {})})
    if call.flag("port") >= 0:
        containers[0]["ports"] = [{"containerPort": call.flag("port")}]
    obj: Obj = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(call, name, labels=labels),
        "spec": {
            "replicas": call.flag("replicas"),
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": dict(labels)}, "spec": {"containers": containers}},
        },
    }
    submit(call, obj, failure="failed to create deployment: ")


def job(call: Call) -> None:
    """`kubectl create job NAME --image=IMAGE | --from=cronjob/NAME`."""
    name = one_name(call, command=True)
    image, source, words = call.flag("image"), call.flag("from"), _command_words(call)
    if bool(image) == bool(source):
        raise CommandError("either --image or --from must be specified")
    if words and source:
        raise CommandError("cannot specify --from and command")
    obj: Obj = {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata(call, name)}
    if image:
        container: Obj = {"image": image, "name": name, **({"command": words} if words else {})}
        obj["spec"] = {"template": {"spec": {"containers": [container], "restartPolicy": "Never"}}}
    else:
        infos = selection.select(call, [source])
        if len(infos) != 1 or infos[0].resource.kind != "CronJob":
            raise CommandError("from must be an existing cronjob")
        cron = infos[0].obj or {}
        template = (cron.get("spec") or {}).get("jobTemplate") or {}
        about = template.get("metadata") or {}
        obj["metadata"] |= {
            "annotations": {
                "cronjob.kubernetes.io/instantiate": "manual",
                **(about.get("annotations") or {}),
            },
            "ownerReferences": [
                {
                    "apiVersion": "batch/v1",
                    "kind": "CronJob",
                    "name": meta(cron)["name"],
                    "uid": meta(cron)["uid"],
                    "controller": True,
                }
            ],
            **({"labels": about["labels"]} if about.get("labels") else {}),
        }
        obj["spec"] = template.get("spec") or {}
    submit(call, obj, failure="failed to create job: ")


def cron_job(call: Call) -> None:
    """`kubectl create cronjob NAME --image=IMAGE --schedule='*/5 * * * *'`."""
    required(call, "image", "schedule")
    name, words = one_name(call, command=True), _command_words(call)
    container: Obj = {"image": call.flag("image"), "name": name, **({"command": words} if words else {})}
    pod = {"containers": [container], "restartPolicy": call.flag("restart") or "OnFailure"}
    obj: Obj = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": metadata(call, name),
        "spec": {
            "schedule": call.flag("schedule"),
            "jobTemplate": {"metadata": {"name": name}, "spec": {"template": {"spec": pod}}},
        },
    }
    submit(call, obj, failure="failed to create cronjob: ")


COMMANDS = [
    Command(
        "deployment NAME --image=image -- [COMMAND] [args...]",
        "Create a deployment with the specified name",
        deployment,
        [
            *create_flags(),
            Flag("image", "list", None, help="Images of the containers, one each."),
            number("port", "The port that the container exposes.", default=-1),
            number("replicas", "How many pods.", "r", 1),
        ],
        aliases=("deploy",),
    ),
    Command(
        "job NAME --image=image [--from=cronjob/name] -- [COMMAND] [args...]",
        "Create a job with the specified name",
        job,
        [*create_flags(), string("image", "The image to run."), string("from", "The cron job to run now.")],
    ),
    Command(
        "cronjob NAME --image=image --schedule='0/5 * * * ?' -- [COMMAND] [args...] [flags]",
        "Create a cron job with the specified name",
        cron_job,
        [
            *create_flags(),
            string("image", "The image to run."),
            string("schedule", "When, in cron format."),
            string("restart", "The pods' restart policy: OnFailure or Never."),
        ],
        aliases=("cj",),
    ),
]
