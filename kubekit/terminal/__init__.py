"""terminal: what a learner would type into a shell, in a notebook.

`%kubectl get pods`, `%%kubectl apply -f -` and their like: command lines that run in this process, against
the current cluster or any other server, and print what the real programs print.

Reading order: `cli` (what command-line programs are made of), `kubectl` (the program), `magics` (IPython's
way to it, with completion). Beside them: `etcdctl` and `etcdutl` (programs that know only a door to a member,
and files), `node_shell` (the lines in which they are called), `doorways` (which member answers where),
`sessions` (a shell in the notebook and one on each node), `etcd_magics`; `kustomize` (bases and overlays);
`forwarding` and `proxying` (ports that `kubectl port-forward` and `proxy` leave open).

Left out against a real terminal: there is none. Nothing here blocks; what would wait for keys says so and
ends.
"""
