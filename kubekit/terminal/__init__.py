"""terminal: what a learner would type into a shell, in a notebook.

`%kubectl get pods`, `%%kubectl apply -f -` and their like: command lines that run in this process, against
the current cluster or any other server, and print what the real programs print.

Reading order: `cli` (what command-line programs are made of), `kubectl` (the program), `magics` (IPython's
way to it, with completion). `etcdctl` and `node_shell` stand beside them.

Left out against a real terminal: there is none. Nothing here blocks, nothing opens a socket; what would wait
for keys says so and ends.
"""
