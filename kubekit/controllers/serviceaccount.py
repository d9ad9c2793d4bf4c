"""ServiceAccounts: every namespace has a `default` one, and token secrets belong to an account that exists.

Two small controllers: the first makes the `default` ServiceAccount, the second fills secrets of the type
service-account-token and deletes those whose account is not there. Source: pkg/controller/serviceaccount.
"""

from __future__ import annotations

import base64
from typing import ClassVar

from kubekit.api.meta import Obj, annotations_of, key_of, name_of, split_key
from kubekit.api.status_error import StatusError
from kubekit.client import Informer
from kubekit.controllers.controller import Context, Controller
from kubekit.controllers.pod_control import namespace_is_terminating

ACCOUNT_NAME = "kubernetes.io/service-account.name"
ACCOUNT_UID = "kubernetes.io/service-account.uid"
TOKEN_TYPE = "kubernetes.io/service-account-token"


class ServiceAccountController(Controller):
    """Makes the `default` ServiceAccount of each active namespace."""

    name: ClassVar[str] = "serviceaccount-controller"
    kind: ClassVar[str] = "Namespace"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.namespaces: Informer
        self.accounts: Informer

    def set_up(self) -> None:
        self.namespaces = self.informer("namespaces")
        self.accounts = self.informer("serviceaccounts")
        self.watch(
            self.namespaces,
            lambda obj: self.enqueue(name_of(obj), "ADDED", obj),
            lambda old, new: self.enqueue(name_of(new), "MODIFIED", new),
        )
        self.watch(self.accounts, on_delete=self._account_deleted)

    def _account_deleted(self, account: Obj) -> None:
        if name_of(account) == "default":
            self.enqueue(account["metadata"]["namespace"], "DELETED", account)

    def reconcile(self, key: str) -> None:
        namespace = self.namespaces.get(key)
        if namespace is None or (namespace.get("status") or {}).get("phase", "Active") != "Active":
            return
        if self.accounts.get(f"{key}/default") is not None:
            return
        account = {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": "default", "namespace": key},
        }
        try:
            self.client.create("serviceaccounts", account)
        except StatusError as error:
            if error.reason != "AlreadyExists" and not namespace_is_terminating(error):
                raise


class TokenController(Controller):
    """Fills token secrets, and deletes those whose ServiceAccount does not exist."""

    name: ClassVar[str] = "serviceaccount-token-controller"
    kind: ClassVar[str] = "Secret"
    max_retries: ClassVar[int | None] = 10

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.accounts: Informer
        self.secrets: Informer
        self._gone: dict[str, Obj] = {}  # deleted secrets that their account may still name

    def set_up(self) -> None:
        self._gone.clear()
        self.accounts = self.informer("serviceaccounts")
        self.secrets = self.informer("secrets", field_selector=f"type={TOKEN_TYPE}")
        self.secrets.add_index("account", _account_of_secret)
        self.watch(
            self.secrets,
            lambda obj: self.enqueue(key_of(obj), "ADDED", obj),
            lambda old, new: self.enqueue(key_of(new), "MODIFIED", new),
            self._secret_deleted,
        )
        self.watch(self.accounts, self._account_changed, lambda old, new: None, self._account_changed)

    def _secret_deleted(self, secret: Obj) -> None:
        for key in _account_of_secret(secret):
            account = self.accounts.get(key)
            if account is not None and _names_secret(account, name_of(secret)):
                self._gone[key_of(secret)] = secret
                self.enqueue(key_of(secret), "DELETED", secret)

    def _account_changed(self, account: Obj) -> None:
        for secret in self.secrets.by_index("account", key_of(account)):
            self.enqueue(key_of(secret), "MODIFIED", account)

    def reconcile(self, key: str) -> None:
        secret = self.secrets.get(key)
        gone = self._gone.pop(key, None)
        if secret is None and gone is not None:
            self._drop_reference(gone)
        if secret is None or secret.get("type") != TOKEN_TYPE:
            return
        namespace, name = split_key(key)
        annotations = annotations_of(secret)
        account_name = annotations.get(ACCOUNT_NAME, "")
        account = self.accounts.get(f"{namespace}/{account_name}")
        uid = annotations.get(ACCOUNT_UID)
        if account is None:
            account = self.client.find("serviceaccounts", account_name, namespace) if account_name else None
        if account is None or (uid and uid != account["metadata"]["uid"]):
            try:
                self.client.delete("secrets", name, namespace, uid=secret["metadata"]["uid"])
            except StatusError as error:
                if error.code not in (404, 409):
                    raise
            return
        data: Obj = dict(secret.get("data") or {})
        if self.options.root_ca:
            data["ca.crt"] = base64.b64encode(self.options.root_ca.encode()).decode()
        if not data.get("namespace"):
            data["namespace"] = base64.b64encode(namespace.encode()).decode()
        if not data.get("token") and self.options.service_account_signer is not None:
            token = self.options.service_account_signer(account, secret)
            data["token"] = base64.b64encode(token.encode()).decode()
        if data == (secret.get("data") or {}):
            return
        annotations = {**annotations, ACCOUNT_NAME: account_name, ACCOUNT_UID: account["metadata"]["uid"]}
        metadata = {**secret["metadata"], "annotations": annotations}
        self.client.update("secrets", {**secret, "metadata": metadata, "data": data})

    def _drop_reference(self, secret: Obj) -> None:
        """The account does not name a secret any more that is gone."""
        namespace = secret["metadata"]["namespace"]
        annotations = annotations_of(secret)
        account = self.client.find("serviceaccounts", annotations[ACCOUNT_NAME], namespace)
        if account is None or annotations.get(ACCOUNT_UID) not in (None, account["metadata"]["uid"]):
            return
        if not _names_secret(account, name_of(secret)):
            return
        left = [one for one in account["secrets"] if one.get("name") != name_of(secret)]
        account = {key: value for key, value in account.items() if key != "secrets"}
        if left:
            account["secrets"] = left
        try:
            self.client.update("serviceaccounts", account)
        except StatusError as error:
            if error.code != 404:
                raise


def _names_secret(account: Obj, name: str) -> bool:
    return any(one.get("name") == name for one in account.get("secrets") or ())


def _account_of_secret(secret: Obj) -> list[str]:
    name = annotations_of(secret).get(ACCOUNT_NAME)
    return [f"{secret['metadata']['namespace']}/{name}"] if name else []
