"""What a learner did wrong, in one sentence.

`KubekitError` is raised by the learner's own Python (unknown names, malformed manifests, a wait that cannot
end). In IPython such an error, and a refusal by the API server or etcd, is printed as one line, without a
traceback; everything else keeps its traceback, because it is a fault of the kit or of the learner's code.
"""

from __future__ import annotations

import sys
from typing import Any

from kubekit.api.status_error import StatusError
from kubekit.apiserver.configuration_file import ConfigurationError
from kubekit.etcd.cluster_errors import BootstrapError
from kubekit.scheduler.config_form import ConfigError
from kubekit.scheduler.hypothesis import Impossible, UnknownPod
from kubekit.sim import Stalled


class KubekitError(Exception):
    """Something that the learner can put right; the text says what and how."""


class ManifestError(KubekitError):
    """A manifest that cannot be read; the text names line and column."""


class UnknownName(KubekitError, KeyError):
    """A name that nothing has; the text lists those that exist."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class TimeoutReached(KubekitError):
    """What was waited for did not happen; the text says who waits for what."""


SHOWN = (
    StatusError,
    KubekitError,
    Stalled,
    ConnectionRefusedError,
    ConfigError,
    ConfigurationError,
    Impossible,
    UnknownPod,
)


def line_of(error: BaseException) -> str:
    """The line that a learner reads instead of a traceback."""
    if isinstance(error, StatusError):
        if error.reason and error.reason != "Unknown":
            return f"Error from server ({error.reason}): {error.message}"
        return f"Error from server: {error.message}"
    if isinstance(error, ConnectionRefusedError):
        return f"The connection to the server was refused: {error}"
    if isinstance(error, BootstrapError):
        return f"etcd does not start: {error}"
    return f"{error}"


def install(shell: Any) -> None:
    """Make an IPython shell print these errors as one line."""

    def handler(shell: Any, kind: type, value: BaseException, trace: Any, tb_offset: Any = None) -> list[str]:
        line = line_of(value)
        print(line, file=sys.stderr)
        return [line]

    shell.set_custom_exc(SHOWN, handler)
