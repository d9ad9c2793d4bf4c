"""A tree of kustomizations: a base, an overlay with everything on it, a third folder on top of that."""

from __future__ import annotations

TREE = {
    "base/app.yaml": """\
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      serviceAccountName: robot
      containers:
      - name: c
        image: nginx:1.27
        envFrom: [{configMapRef: {name: settings}}]
        env: [{name: P, valueFrom: {secretKeyRef: {name: pw, key: p}}}]
      volumes: [{name: v, configMap: {name: settings}}]
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: robot}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: rb}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: r}
subjects:
- {kind: ServiceAccount, name: robot, namespace: default}
- {kind: ServiceAccount, name: default, namespace: default}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: r}
rules: []
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: i}
spec:
  rules:
  - http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: h}
spec: {maxReplicas: 3, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}}
""",
    "base/conf.txt": """\
hello
""",
    "base/kustomization.yaml": """\
resources:
- app.yaml
labels:
- pairs: {team: a}
  includeSelectors: false
configMapGenerator:
- name: settings
  literals: [A=b, "C=<d>"]
  files: [conf.txt, other=conf.txt]
secretGenerator:
- name: pw
  literals: [p=x]
""",
    "comp/kustomization.yaml": """\
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
commonAnnotations: {comp: "1"}
""",
    "one/a.yaml": """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      serviceAccountName: robot
      containers:
      - name: c
        image: nginx:1.27
        envFrom: [{configMapRef: {name: settings}}]
        env: [{name: P, valueFrom: {secretKeyRef: {name: pw, key: p}}}]
      volumes: [{name: v, configMap: {name: settings}}]
""",
    "one/kustomization.yaml": """\
resources: [a.yaml]
patches: [{path: p.yaml}]
""",
    "one/p.yaml": """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec: {template: {spec: {containers: [{name: side, image: busybox}]}}}
""",
    "over/kustomization.yaml": """\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: shop
namePrefix: dev-
nameSuffix: -x
resources: [../base, ns.yaml]
commonLabels: {env: dev}
commonAnnotations: {note: hi}
images: [{name: nginx, newName: registry/nginx, newTag: "1.29"}]
replicas: [{name: web, count: 3}]
configMapGenerator:
- {name: settings, behavior: merge, literals: [A=z]}
- {name: plain, literals: [k=v], options: {disableNameSuffixHash: true, labels: {l: m}}}
patches:
- path: p.yaml
- target: {kind: Service, name: web}
  patch: |-
    - {op: add, path: /spec/type, value: NodePort}
- patch: |-
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: web}
    spec: {template: {spec: {containers: [{name: c, resources: {limits: {cpu: 100m}}}]}}}
""",
    "over/ns.yaml": """\
apiVersion: v1
kind: Namespace
metadata: {name: other}
""",
    "over/p.yaml": """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec: {template: {spec: {containers: [{name: side, image: busybox}]}}}
""",
    "three/e.env": """\
A=1
# c
B="two words"
""",
    "three/kustomization.yaml": """\
resources: [../over, more.yaml]
components: [../comp]
namePrefix: top-
labels:
- pairs: {z: zz}
  includeSelectors: true
- pairs: {t: u}
  includeTemplates: true
patchesJson6902:
- target: {group: apps, version: v1, kind: Deployment, name: web}
  patch: |-
    - op: replace
      path: /spec/template/spec/containers/0/image
      value: x@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
images:
- name: busybox
  digest: sha256:bbbb
- name: localhost:5000/a/b
  newTag: v2
patches:
- target: {kind: CronJob|DaemonSet, labelSelector: "pick=me"}
  patch: |-
    apiVersion: v1
    kind: Any
    metadata: {name: any, annotations: {seen: "yes"}}
secretGenerator:
- name: envs
  type: kubernetes.io/foo
  envs: [e.env]
generatorOptions: {labels: {gen: x}, annotations: {an: aa}}
""",
    "three/more.yaml": """\
apiVersion: batch/v1
kind: CronJob
metadata: {name: cj, labels: {pick: me}}
spec:
  schedule: "* * * * *"
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers: [{name: c, image: "localhost:5000/a/b:v1", envFrom: [{secretRef: {name: envs}}]}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: np}
spec: {podSelector: {matchLabels: {app: x}}, ingress: [{from: [{podSelector: {matchLabels: {q: r}}}]}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: ss}
spec:
  serviceName: hs
  selector: {matchLabels: {a: b}}
  template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: busybox}]}}
  volumeClaimTemplates: [{metadata: {name: d}, spec: {accessModes: [ReadWriteOnce]}}]
---
apiVersion: v1
kind: Service
metadata: {name: hs}
spec: {clusterIP: None, selector: {a: b}}
---
apiVersion: example.com/v1
kind: Thing
metadata: {name: th}
spec: {containers: [{image: busybox}]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: crb}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cr}
subjects: [{kind: ServiceAccount, name: robot, namespace: shop}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: cr}
rules: []
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: vw}
webhooks: [{name: a.b.c, clientConfig: {service: {name: hs, namespace: default}}}]
---
apiVersion: v1
kind: Pod
metadata: {name: pod}
spec:
  containers:
  - {name: c, image: busybox, env: [{name: A, valueFrom: {configMapKeyRef: {name: other, key: k}}}]}
""",
}
