"""Typical wrong answers of chapter 03; see `mistakes`."""

from __future__ import annotations


def request(
    subject: str, then: str, signer: str = "kube-apiserver-client", usage: str = "client auth"
) -> str:
    """A cell that asks for a certificate under the name ben."""
    return (
        "%%ssh controlplane\n"
        "openssl genrsa -out ben.key 2048\n"
        f'openssl req -new -key ben.key -subj "{subject}" -out ben.csr\n'
        "kubectl apply -f - <<EOF\n"
        "apiVersion: certificates.k8s.io/v1\nkind: CertificateSigningRequest\nmetadata: {name: ben}\n"
        "spec:\n  request: $(base64 -w0 ben.csr)\n"
        f"  signerName: kubernetes.io/{signer}\n  usages: [{usage}]\nEOF\n"
        f"{then}"
    )


def policy(expression: str, action: str = "Deny", selector: str = "kubernetes.io/metadata.name: shop") -> str:
    """A cell with a policy `team`, and its binding unless there is no action."""
    narrow = f"    namespaceSelector: {{matchLabels: {{{selector}}}}}\n" if selector else ""
    binding = (
        "---\napiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicyBinding\n"
        f"metadata: {{name: team}}\nspec: {{policyName: team, validationActions: [{action}]}}\n"
    )
    return (
        "%%kubectl apply -f -\n"
        "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicy\n"
        "metadata: {name: team}\n"
        f"spec:\n  matchConstraints:\n{narrow}"
        "    resourceRules: [{apiGroups: [apps], apiVersions: [v1], operations: [CREATE], "
        "resources: [deployments]}]\n"
        f'  validations: [{{expression: "{expression}"}}]\n' + (binding if action else "")
    )


LIMITS = (
    "%%kubectl apply -f -\napiVersion: v1\nkind: LimitRange\nmetadata: {{name: usual, namespace: small}}\n"
    "spec: {{limits: [{{type: Container, defaultRequest: {{cpu: {}}}}}]}}\n"
)
LATER = 'SPLIT\ncluster.advance("20m")'
HAS_TEAM = "has(object.metadata.labels) && 'team' in object.metadata.labels"
APPROVE = "kubectl certificate approve ben"
READER = "%kubectl create role reader --verb={} --resource=configmaps -n shop\n"
DEPLOYER = "%kubectl create role deployer --verb={} --resource=deployments.apps -n shop\n"
VAULT = "%kubectl create namespace vault\n"
PSA = "pod-security.kubernetes.io"

WRONG: dict[str, tuple[str, str, str, str, str]] = {
    "Ben without a group": (
        "03.1",
        "",
        request("/CN=ben", APPROVE),
        "no organisation",
        "each /O= is a group",
    ),
    "Ben's name in the object only": (
        "03.1",
        "",
        request("/O=developers/CN=benjamin", APPROVE),
        "CN = benjamin",
        "the CN is the user",
    ),
    "nobody approved": (
        "03.1",
        "",
        request("/O=developers/CN=ben", ":"),
        "Pending",
        "certificate approve ben",
    ),
    "another signer": (
        "03.1",
        "",
        request("/O=developers/CN=ben", APPROVE, "kubelet-serving", "server auth"),
        "signer kubernetes.io/kubelet-serving",
        "kubernetes.io/kube-apiserver-client",
    ),
    "a user called robot": (
        "03.2",
        "robot",
        READER.format("get,list") + "%kubectl create rolebinding robot --role=reader --user=robot -n shop",
        "names User robot",
        "--serviceaccount=shop:robot",
    ),
    "a robot that edits": (
        "03.2",
        "robot",
        "%kubectl create rolebinding robot --clusterrole=edit --serviceaccount=shop:robot -n shop",
        "delete configmaps in shop",
        "is too much",
    ),
    "a robot for all namespaces": (
        "03.2",
        "robot",
        "%kubectl create clusterrole reader --verb=get,list --resource=configmaps\n"
        "%kubectl create clusterrolebinding robot --clusterrole=reader --serviceaccount=shop:robot",
        "list configmaps in default",
        "ClusterRoleBinding",
    ),
    "get without list": (
        "03.2",
        "robot",
        READER.format("get")
        + "%kubectl create rolebinding robot --role=reader --serviceaccount=shop:robot -n shop",
        "get configmaps in shop",
        "the role's verbs",
    ),
    "the quota is dismissed": (
        "03.3",
        "small",
        "%kubectl delete quota cpu -n small" + LATER.replace("SPLIT", ""),
        "no quota",
        "it was not to be touched",
    ),
    "the Deployment says it itself": (
        "03.3",
        "small",
        "%kubectl set resources deployment crowd -n small --requests=cpu=200m" + LATER.replace("SPLIT", ""),
        "requests",
        "what fills in pods is a LimitRange",
    ),
    "room for one only": (
        "03.3",
        "small",
        LIMITS.format("800m") + LATER,
        "1 Running",
        "have to fit into one CPU",
    ),
    "the controller had no time": (
        "03.3",
        "small",
        LIMITS.format("200m"),
        "0 Running",
        "cluster.advance('20m')",
    ),
    "a policy without a binding": ("03.4", "", policy(HAS_TEAM, action=""), "no binding", "the binding"),
    "a policy that only warns": ("03.4", "", policy(HAS_TEAM, action="Warn"), "actions: Warn", "[Deny]"),
    "a policy for everybody": ("03.4", "", policy(HAS_TEAM, selector=""), "denied", "namespaceSelector"),
    "one team only": (
        "03.4",
        "",
        policy(f"{HAS_TEAM} && object.metadata.labels.team == 'red'"),
        "denied",
        "any value of team",
    ),
    "the other way round": ("03.4", "", policy(f"!({HAS_TEAM})"), "denied", "what shall pass"),
    "far too much": (
        "03.5",
        "broken",
        "%kubectl create clusterrolebinding r --clusterrole=cluster-admin --serviceaccount=report:reporter",
        "delete pods in report",
        "pod-lister was enough",
    ),
    "the old subject is still there": (
        "03.5",
        "broken",
        "%kubectl create rolebinding more -n report --role=pod-lister --serviceaccount=report:reporter",
        "default's reporter may",
        "the old subject",
    ),
    "a user called reporter": (
        "03.5",
        "broken",
        "%kubectl create rolebinding more -n report --role=pod-lister --user=reporter",
        "names User reporter",
        "kind ServiceAccount",
    ),
    "a user called developers": (
        "03.6",
        "",
        DEPLOYER.format("create,get,list")
        + "%kubectl create rolebinding developers --role=deployer --user=developers -n shop",
        "names User developers",
        "the subject's kind",
    ),
    "developers who delete": (
        "03.6",
        "",
        DEPLOYER.format("'*'")
        + "%kubectl create rolebinding developers --role=deployer --group=developers -n shop",
        "delete",
        "describe role deployer",
    ),
    "developers everywhere": (
        "03.6",
        "",
        "%kubectl create clusterrole deployer --verb=create,get,list --resource=deployments.apps\n"
        "%kubectl create clusterrolebinding developers --clusterrole=deployer --group=developers",
        "create in default",
        "ClusterRoleBinding",
    ),
    "too strict": (
        "03.7",
        "",
        VAULT + f"%kubectl label namespace vault {PSA}/enforce=restricted",
        "enforce=restricted",
        "would refuse ordinary pods",
    ),
    "only a warning": (
        "03.7",
        "",
        VAULT + f"%kubectl label namespace vault {PSA}/warn=restricted",
        "warn=restricted",
        "enforce",
    ),
    "another namespace was labelled": (
        "03.7",
        "",
        f"%kubectl label namespace default {PSA}/enforce=baseline",
        "default",
        "the namespace that was labelled",
    ),
}
