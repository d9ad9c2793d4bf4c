"""What a cluster's controller manager is given besides its client: the keys, and who knows the types."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kubekit.cluster.policy_types import policy_checker

if TYPE_CHECKING:
    from kubekit.apiserver.server import APIServer


def manager_options(server: APIServer, sign: Callable[[dict[str, Any]], str | None]) -> dict[str, Any]:
    """The options of the manager of a server's cluster; `sign` signs certificate requests."""
    return {
        "own_accounts": True,
        "service_account_signer": server.tokens.issue_legacy,
        "certificate_signer": sign,
        "policy_checker": policy_checker(server),
    }
