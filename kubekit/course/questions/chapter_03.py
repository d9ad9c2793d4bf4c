"""Chapter 03, Who may do what: its guesses and its quiz."""

from __future__ import annotations

from kubekit.course.predict import prediction, question

prediction(
    "03.p1",
    "Where are the cluster's users?",
    ["In etcd, as User objects", "In a file on the control-plane node", "Nowhere"],
)
prediction(
    "03.p2",
    "The token was for ten minutes, and its account still exists. What happens?",
    ["It still works: the account exists", "403 Forbidden", "401 Unauthorized"],
)
prediction(
    "03.p3",
    "Anna may get, list and watch pods in shop. May she read a pod's log there?",
    ["Yes, it belongs to the pod", "No"],
)
prediction(
    "03.p4",
    "Anna may create roles in shop. Can she write one with rights that she does not have herself?",
    ["Yes: she is admin there", "No", "Yes, but she cannot bind it to herself"],
)
prediction(
    "03.p5",
    "A pod on node01 will name the Secret. Which kubelets can read it then?",
    ["All of them", "That of node01", "None: no role was changed"],
)
prediction(
    "03.p6",
    "A quota of one pod is used up. What becomes of the second pod?",
    ["It is Pending: the scheduler leaves it", "It is never created", "It is created and then evicted"],
)

question(
    "03.q1",
    "A request of a known user is refused with 401. What is wrong?",
    ["The user lacks a role", "The credentials are not, or no longer, valid", "A quota is used up"],
    2,
    "401 is authentication: an expired token, say. Lacking rights and used-up quotas are both 403.",
)
question(
    "03.q2",
    "A ClusterRole is bound with a RoleBinding in the namespace shop. Where does it hold?",
    ["In shop", "In every namespace", "Nowhere: a RoleBinding needs a Role"],
    1,
    "The binding decides where. One ClusterRole can thus serve many namespaces, one binding each.",
)
question(
    "03.q3",
    "A Deployment stays at 0 of 3, and there are no pods at all. Who knows why?",
    ["The scheduler", "The ReplicaSet's events", "The kubelet"],
    2,
    "Pods that do not exist were refused when they were created, by admission; their creator was told.",
)
