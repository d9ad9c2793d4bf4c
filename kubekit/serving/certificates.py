"""Certificates are made where the cluster is made; the doors take them from there.

`kubekit.cluster.certificates` has the authority and everything it signs.
"""

from kubekit.cluster.certificates import (
    ADMIN,
    ADMIN_GROUP,
    BACKDATE,
    CA_YEARS,
    LEAF_YEARS,
    SIGNERS,
    USAGES,
    Authority,
    KeyPair,
    subject_of,
)

__all__ = [
    "ADMIN",
    "ADMIN_GROUP",
    "BACKDATE",
    "CA_YEARS",
    "LEAF_YEARS",
    "SIGNERS",
    "USAGES",
    "Authority",
    "KeyPair",
    "subject_of",
]
