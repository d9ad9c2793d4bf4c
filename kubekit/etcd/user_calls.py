"""UserCalls: signing on, and the management of users and roles.

Everything but signing on is proposed as it comes, with hashes in the place of passwords; who may ask is
decided where it is applied. To sign on, the password is checked here, then a token is agreed on with all
members. If users were changed meanwhile, the password is checked again.
Source: server/etcdserver/api/v3rpc/auth.go, server/etcdserver/v3_server.go (Authenticate, UserAdd).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubekit.etcd.answer import Answer, step
from kubekit.etcd.auth import Identity, token_prefix
from kubekit.etcd.auth_calls import KINDS, with_hash
from kubekit.etcd.calls import REQUESTS
from kubekit.etcd.messages import Message
from kubekit.etcd.node import Node
from kubekit.etcd.request_size import check_size

Who = str | Identity


class UserCalls:
    """The calls on users, roles and tokens."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def calls(self) -> dict[str, Callable[[Message, Who, Answer], None]]:
        """Each call by its name."""
        found = {name: self._managed(name, kind) for name, kind in KINDS.items()}
        return {"Auth/Authenticate": self._authenticate, **found}

    def _managed(self, name: str, kind: str) -> Callable[[Message, Who, Answer], None]:
        hashed = name in ("Auth/UserAdd", "Auth/UserChangePassword")
        message = REQUESTS[name][0]

        def call(request: Message, who: Who, answer: Answer) -> None:
            node = self._node
            body = with_hash(node.auth, request) if hashed else request
            identity = node.auth.identify(who)
            check_size(message, body)
            node.propose(kind, body, identity, answer)

        return call

    def _authenticate(self, request: Message, who: Who, answer: Answer) -> None:
        self._node.read(step(answer, lambda _: self._sign_on(request, answer)))

    def _sign_on(self, request: Message, answer: Answer) -> None:
        node = self._node
        name = request.get("name", "")
        checked = node.auth.check_password(name, request.get("password", ""))

        def assigned(result: Any) -> None:
            if checked == node.auth.revision:
                answer(result)
            else:
                self._sign_on(request, answer)

        body = {"name": name, "simple_token": token_prefix(f"{name}/{node.token_seed()}")}
        node.propose("authenticate", body, None, step(answer, assigned))
