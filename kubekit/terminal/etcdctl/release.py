"""Release: which etcdctl it is. What differs between 3.4, 3.5 and 3.6 asks here.

>>> Release("3.6.13").minor, Release("3.6.13").api
(6, '3.6')
"""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT = "3.6.13"
"""The release that Kubernetes v1.36 runs on."""


@dataclass(frozen=True, slots=True)
class Release:
    """A version such as ``3.6.13``."""

    version: str = DEFAULT

    @property
    def minor(self) -> int:
        """4, 5 or 6."""
        return int(self.version.split(".")[1])

    @property
    def api(self) -> str:
        """The version of the API it speaks."""
        return ".".join(self.version.split(".")[:2])
