"""Chapter 03, Who may do what, first part: a certificate, and roles that are just enough.

Rights are asked for as `kubectl auth can-i` does it, with a SubjectAccessReview, which stores nothing.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any

from kubekit.course.exercise import Findings, Look, exercise

ACCOUNT = "system:serviceaccount:{}:{}"
REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"


def may(look: Look, user: str, verb: str, resource: str, namespace: str, groups: Iterable[str] = ()) -> bool:
    """Whether somebody may do something in a namespace; a group stands behind: ``deployments.apps``."""
    name, _, group = resource.partition(".")
    asked = {"verb": verb, "resource": name, "group": group, "namespace": namespace}
    spec = {"user": user, "groups": [*groups, "system:authenticated"], "resourceAttributes": asked}
    body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
    answer = look.cluster.client.request("POST", REVIEWS, body=body).json()
    return bool(answer["status"]["allowed"])


def account_may(look: Look, account: str, verb: str, resource: str, namespace: str) -> bool:
    """Whether a service account, ``shop/robot``, may do something."""
    home, _, name = account.partition("/")
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{home}")
    return may(look, ACCOUNT.format(home, name), verb, resource, namespace, groups)


# -- 03.1: a certificate ----------------------------------------------------------------------------------


@exercise(
    "03.1",
    "A certificate for Ben",
    hints=[
        "It is Anna's way once more. In which part of the subject is the user, and in which the group?",
        "`-subj` takes `/O=GROUP/CN=USER`. The object's own name says nothing about who it is for.",
        '`openssl req -new -key ben.key -subj "/O=developers/CN=ben" -out ben.csr`, then the object with '
        "`request: $(base64 -w0 ben.csr)`",
        "Apply a CertificateSigningRequest `ben` with signerName kubernetes.io/kube-apiserver-client and "
        "usages [client auth], then `kubectl certificate approve ben`.",
    ],
    waits_for=["a request `ben`, for the user ben in the group developers", "it is approved", "and issued"],
)
def certificate_for_ben(look: Look) -> Findings:
    request = look.find("certificatesigningrequests", "ben", None)
    if request is None:
        yield look.nothing_yet("There is no CertificateSigningRequest ben.")
        return
    user, groups = subject_of(request)
    yield look.expect(
        "it is for the user ben",
        expected="CN = ben",
        observed=f"CN = {user}",
        where="`openssl req -in ben.csr -noout -subject`: the CN is the user, whatever the object is called",
    )
    yield look.expect(
        "in the group developers",
        expected="O = developers",
        observed=f"O = {', '.join(groups)}" if groups else "no organisation",
        holds=groups == ["developers"],
        where="`-subj`: each /O= is a group",
    )
    status = request.get("status") or {}
    said = [one["type"] for one in status.get("conditions") or ()]
    yield look.expect(
        "it is approved",
        expected="Approved",
        observed=said or "Pending",
        holds="Approved" in said,
        where="`kubectl certificate approve ben`; what was denied stays so: delete it and begin anew",
    )
    signer = request["spec"]["signerName"]
    certified = bool(status.get("certificate"))
    yield look.expect(
        "and issued, for a client of the API server",
        expected="a certificate of the signer kubernetes.io/kube-apiserver-client",
        observed=f"{'a certificate' if certified else 'none'}, signer {signer}",
        holds=certified and signer == "kubernetes.io/kube-apiserver-client",
        where="approval, and `signerName`: clients of the API server come from "
        "kubernetes.io/kube-apiserver-client; then `cluster.settle()`",
    )


def subject_of(request: dict[str, Any]) -> tuple[str, list[str]]:
    """The user and the groups that a request's subject names."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    try:
        wanted = x509.load_pem_x509_csr(base64.b64decode(request["spec"]["request"])).subject
    except ValueError:
        return "", []
    names = [str(one.value) for one in wanted.get_attributes_for_oid(NameOID.COMMON_NAME)]
    groups = [str(one.value) for one in wanted.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]
    return (names[0] if names else ""), groups


# -- roles ------------------------------------------------------------------------------------------------


@exercise(
    "03.2",
    "Just enough for the robot",
    hints=[
        "Which two objects does it take, and in which namespace do they live?",
        "A Role lists verbs and resources; a RoleBinding names an account with its namespace.",
        "`create role NAME --verb=... --resource=... -n shop` and "
        "`create rolebinding NAME --role=... --serviceaccount=shop:robot -n shop`",
        "verbs `get,list`, resource `configmaps`",
    ],
    waits_for=["robot may get and list ConfigMaps in `shop`", "nothing else there", "nothing elsewhere"],
)
def just_enough(look: Look) -> Findings:
    rights = [
        f"{verb} {resource} in {namespace}"
        for namespace in ("shop", "default")
        for resource in ("configmaps", "secrets", "pods")
        for verb in ("get", "list", "create", "delete")
        if account_may(look, "shop/robot", verb, resource, namespace)
    ]
    bound = bindings_naming(look, "robot")
    if not rights and not bound:
        yield look.nothing_yet("The account robot has no rights, and no binding names it.")
        return
    wanted = ["get configmaps in shop", "list configmaps in shop"]
    lacking = [right for right in wanted if right not in rights]
    yield look.expect(
        "robot may get and list ConfigMaps in shop",
        expected=wanted,
        observed=[right for right in rights if right in wanted] or [f"not so; {text}" for text in bound],
        holds=not lacking,
        where="the binding's subject, `--serviceaccount=shop:robot` (a user called robot is somebody else), "
        "its namespace, and the role's verbs",
    )
    extra = [right for right in rights if right.endswith(" in shop") and right not in wanted]
    yield look.expect(
        "nothing else there",
        expected="nothing",
        observed=extra,
        holds=not extra,
        where="verbs and resources of the role: `%kubectl describe role -n shop`; `edit` is too much",
    )
    beyond = [right for right in rights if right.endswith(" in default")]
    yield look.expect(
        "and nothing elsewhere",
        expected="nothing",
        observed=beyond,
        holds=not beyond,
        where="a ClusterRoleBinding holds in every namespace; a RoleBinding in its own",
    )


def bindings_naming(look: Look, name: str) -> list[str]:
    """The bindings in which a subject has this name, in words."""
    found = []
    for resource in ("rolebindings", "clusterrolebindings"):
        for binding in look.all(resource, None):
            for subject in binding.get("subjects") or ():
                if subject["name"] == name:
                    home = binding["metadata"].get("namespace", "all namespaces")
                    of = f" of {subject['namespace']}" if subject.get("namespace") else ""
                    found.append(
                        f"{binding['metadata']['name']} in {home} names {subject['kind']} {name}{of}"
                    )
    return found


@exercise(
    "03.5",
    "Repair a binding",
    hints=[
        "The refusal names the account in full. Compare it with the binding's subject.",
        "An account belongs to a namespace. The binding names one of the same name elsewhere.",
        "`%kubectl get rolebinding reporter -n report -o yaml`; delete it and create it again with "
        "`--serviceaccount=NAMESPACE:NAME`",
        "`%kubectl create rolebinding reporter --role=pod-lister --serviceaccount=report:reporter -n report`",
    ],
    waits_for=["reporter of `report` may list pods there", "and no more", "reporter of `default` may not"],
)
def repair_binding(look: Look) -> Findings:
    if look.find("serviceaccounts", "reporter", "report") is None:
        yield look.nothing_yet("There is no account reporter in report.", "run the section's cells first")
        return
    meant = account_may(look, "report/reporter", "list", "pods", "report")
    other = account_may(look, "default/reporter", "list", "pods", "report")
    bound = bindings_naming(look, "reporter")
    if not meant and bound == ["reporter in report names ServiceAccount reporter of default"]:
        yield look.nothing_yet("The binding still names the account of default.")
        return
    yield look.expect(
        "reporter of report may list pods there",
        expected="list pods in report",
        observed=[f"not so; {text}" for text in bound] or "no binding names it",
        holds=meant,
        where="the subject: kind ServiceAccount, name reporter, namespace report",
    )
    extra = [
        f"{verb} {resource} in {namespace}"
        for namespace in ("report", "default")
        for resource in ("pods", "secrets")
        for verb in ("list", "delete")
        if account_may(look, "report/reporter", verb, resource, namespace)
        and (verb, resource, namespace) != ("list", "pods", "report")
    ]
    yield look.expect(
        "and no more",
        expected="nothing beyond that",
        observed=extra,
        holds=not extra,
        where="the role that is bound, and where: pod-lister was enough",
    )
    yield look.expect(
        "reporter of default may not",
        expected="no",
        observed="yes: default's reporter may list pods in report",
        holds=not other,
        where="the old subject is still bound: `%kubectl get rolebindings -n report -o wide`",
    )


@exercise(
    "03.6",
    "Rights for a group",
    hints=[
        "A role, a binding, both in shop. Who is the subject?",
        "Deployments are in the group apps; a subject can be a user, a group or an account.",
        "`create role deployer --verb=... --resource=deployments.apps -n shop`, "
        "`create rolebinding developers --role=deployer --group=... -n shop`",
        "verbs `create,get,list`, group `developers`",
    ],
    waits_for=["developers may create, get and list Deployments in `shop`", "not delete", "only in `shop`"],
)
def rights_for_a_group(look: Look) -> Findings:
    def allowed(namespace: str, verbs: Iterable[str]) -> list[str]:
        resource = "deployments.apps"
        return [v for v in verbs if may(look, "somebody", v, resource, namespace, ("developers",))]

    bound = bindings_naming(look, "developers")
    here = allowed("shop", ("create", "get", "list"))
    if not here and not bound:
        yield look.nothing_yet("Nothing is bound to developers yet.")
        return
    yield look.expect(
        "developers may create, get and list Deployments in shop",
        expected="create, get, list",
        observed=here or [f"not so; {text}" for text in bound],
        holds=len(here) == 3,
        where="the role's verbs, its resource (`deployments` of the group apps), the subject's kind: Group",
    )
    more = allowed("shop", ("delete", "update", "patch", "deletecollection"))
    yield look.expect(
        "and no more",
        expected="nothing beyond that",
        observed=more,
        holds=not more,
        where="the role's verbs: `%kubectl describe role deployer -n shop`",
    )
    elsewhere = allowed("default", ("create", "get", "list"))
    yield look.expect(
        "only in shop",
        expected="nothing in other namespaces",
        observed=[f"{verb} in default" for verb in elsewhere],
        holds=not elsewhere,
        where="the kind of binding: a ClusterRoleBinding holds in every namespace",
    )
