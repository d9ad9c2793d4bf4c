"""Images: what lies on a node, how long a pull takes, and the kubelet's image manager.

`ImageStore` is the node's own (it outlives the kubelet): names, sizes, and a registry that has everything
except repositories whose name says `does-not-exist`. `ImageManager` is the kubelet's: pull policy, back-off
and the events of `pkg/kubelet/images/image_manager.go`. A pull takes time: `ensure` is a step (`task`).
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, NamedTuple

from kubekit.api.exchange import Obj
from kubekit.kubelet.backoff import Backoff
from kubekit.kubelet.task import Pause, Steps
from kubekit.sim import Loop

if TYPE_CHECKING:
    from kubekit.kubelet.cri import RuntimeService
    from kubekit.kubelet.events import ContainerEvents

PULL_SECONDS = 2.0
PRESENT_SECONDS = 0.5
"""What a pull takes when all layers are here already and only the registry is asked."""
DEFAULT_SIZE = 52_428_800
SIZES = {"nginx": 72_324_501, "httpd": 58_692_113, "busybox": 2_167_089, "redis": 48_137_312}
SIZES |= {"postgres": 160_104_720, "mysql": 245_372_106, "alpine": 3_797_560, "pause": 319_861}

_REFERENCE = re.compile(
    r"^(?:(?P<domain>(?:[a-zA-Z0-9-]+(?:\.[a-zA-Z0-9-]+)+|localhost)(?::\d+)?|[a-zA-Z0-9-]+:\d+)/)?"
    r"(?P<path>[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*)"
    r"(?::(?P<tag>[\w][\w.-]{0,127}))?(?:@(?P<digest>[a-z0-9]+:[0-9a-fA-F]{32,}))?$"
)


class PullError(Exception):
    """The runtime could not pull an image; the text is containerd's."""


class ImageError(Exception):
    """A container has no image: `reason` is the waiting reason, the text its message."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class Image(NamedTuple):
    """An image on a node."""

    name: str
    ref: str
    size: int


def canonical(name: str) -> str:
    """The full reference of an image name; raises ValueError when it is none.

    >>> canonical("nginx"), canonical("quay.io/org/app:1")
    ('docker.io/library/nginx:latest', 'quay.io/org/app:1')
    """
    found = _REFERENCE.match(name)
    if found is None:
        upper = "repository name must be lowercase" if name != name.lower() else "invalid reference format"
        text = f"invalid reference format: {upper}" if upper.startswith("repo") else upper
        raise ValueError(f'couldn\'t parse image name "{name}": {text}')
    path = found["path"]
    domain = found["domain"] or "docker.io"
    if domain == "docker.io" and "/" not in path:
        path = f"library/{path}"
    tag = f":{found['tag']}" if found["tag"] else ("" if found["digest"] else ":latest")
    return f"{domain}/{path}{tag}" + (f"@{found['digest']}" if found["digest"] else "")


class ImageStore:
    """The images of one node.

    With `everything_present` each image that exists counts as pulled already. `pull_seconds` is the time of
    a pull; `plain_refs` makes image ids the plain names (as a runtime without digests reports them).
    """

    def __init__(
        self,
        loop: Loop,
        *,
        pull_seconds: float = PULL_SECONDS,
        everything_present: bool = False,
        plain_refs: bool = False,
    ) -> None:
        self.loop = loop
        self.pull_seconds = pull_seconds
        self.everything_present = everything_present
        self.plain_refs = plain_refs
        self.images: dict[str, Image] = {}

    def find(self, name: str) -> Image | None:
        """The image if it lies on the node."""
        full = canonical(name)
        found = self.images.get(full)
        if found is None and self.everything_present and not self._missing(full):
            found = self.add(name)
        return found

    def add(self, name: str) -> Image:
        """Put an image on the node, as a finished pull does."""
        full = canonical(name)
        repository = full.split("@")[0].rsplit(":", 1)[0]
        digest = hashlib.sha256(full.encode()).hexdigest()
        ref = name if self.plain_refs else f"{repository}@sha256:{digest}"
        image = Image(full, ref, self.size_of(full))
        self.images[full] = image
        return image

    def size_of(self, full: str) -> int:
        """The size in bytes of an image."""
        if self.plain_refs:
            return DEFAULT_SIZE
        return SIZES.get(full.rsplit("/", 1)[-1].split(":")[0].split("@")[0], DEFAULT_SIZE)

    def pull(self, name: str) -> Steps[Image]:
        """Pull an image; raises `PullError` with containerd's text when the registry has none."""
        full = canonical(name)
        slow = self.loop.faults.get("image-pull-slow")
        seconds = float(slow) if slow and slow is not True else self.pull_seconds
        if self._missing(full):
            reference = full.replace("@", ":") if "@" in full else full
            raise PullError(
                f'rpc error: code = NotFound desc = failed to pull and unpack image "{reference}": '
                f'failed to resolve reference "{reference}": {reference}: not found'
            )
        if full in self.images:
            seconds = min(seconds, PRESENT_SECONDS)
        if seconds:
            yield Pause(seconds, f"image {name} to be pulled")
        return self.add(name)

    def _missing(self, full: str) -> bool:
        unknown = self.loop.faults.get("image-not-found") or ()
        return "does-not-exist" in full or any(word in full for word in unknown)


class ImageManager:
    """Makes sure that a container's image is on the node before the container is created."""

    def __init__(self, loop: Loop, cri: RuntimeService, events: ContainerEvents) -> None:
        self._loop = loop
        self._cri = cri
        self._events = events
        self._backoff = Backoff()
        self._last_error: dict[str, str] = {}

    def ensure(self, pod: Obj, container: Obj, kind: str) -> Steps[str]:
        """The image's id, once it is there; raises `ImageError`. `kind` is the list it stands in."""
        name = container.get("image", "")
        policy = container.get("imagePullPolicy", "IfNotPresent")
        try:
            canonical(name)
        except ValueError as error:
            message = f'Failed to apply default image tag "{name}": {error}'
            self._events.warning(pod, container, kind, "InspectFailed", message)
            raise ImageError("InvalidImageName", message) from None
        image = self._cri.image_status(name) if policy != "Always" else None
        if image is not None:
            self._events.normal(
                pod,
                container,
                kind,
                "Pulled",
                f'Container image "{name}" already present on machine and can be accessed by the pod',
            )
            return image.ref
        if policy == "Never":
            message = f'Container image "{name}" is not present with pull policy of Never'
            self._events.warning(pod, container, kind, "ErrImageNeverPull", message)
            raise ImageError("ErrImageNeverPull", message)
        return (yield from self._pull(pod, container, kind, name))

    def forget(self, uid: str) -> None:
        """Drop the back-off of a pod that is gone."""
        self._backoff.forget(f"{uid}_")
        for key in [key for key in self._last_error if key.startswith(f"{uid}_")]:
            del self._last_error[key]

    def _pull(self, pod: Obj, container: Obj, kind: str, name: str) -> Steps[str]:
        key = f"{pod['metadata']['uid']}_{name}"
        now = self._loop.clock.now
        if self._backoff.in_backoff_since_update(key, now()):
            message = f'Back-off pulling image "{name}"'
            self._events.normal(pod, container, kind, "BackOff", message)
            last = self._last_error.get(key)
            raise ImageError("ImagePullBackOff", f"{message}: {last}" if last else message)
        self._last_error.pop(key, None)
        self._events.normal(pod, container, kind, "Pulling", f'Pulling image "{name}"')
        began = now()
        try:
            image = yield from self._cri.pull_image(pod, name)
        except PullError as error:
            self._events.warning(pod, container, kind, "Failed", f'Failed to pull image "{name}": {error}')
            self._backoff.next(key, now(), now())
            self._last_error[key] = f"ErrImagePull: {error}"
            raise ImageError("ErrImagePull", str(error)) from None
        took = _duration(now() - began)
        self._events.normal(
            pod,
            container,
            kind,
            "Pulled",
            f'Successfully pulled image "{name}" in {took} ({took} including waiting). '
            f"Image size: {image.size} bytes.",
        )
        return image.ref


def _duration(seconds: float) -> str:
    """Seconds as Go prints a duration cut to milliseconds, e.g. ``2s``, ``1.5s``, ``350ms``, ``1m2s``."""
    millis = int(seconds * 1000 + 1e-6)
    if millis == 0:
        return "0s"
    if millis < 1000:
        return f"{millis}ms"
    minutes, rest = divmod(millis, 60_000)
    text = f"{rest / 1000:.3f}".rstrip("0").rstrip(".") + "s"
    return f"{minutes}m{text}" if minutes else text
