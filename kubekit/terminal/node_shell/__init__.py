"""node_shell: a small shell on a node's files, for what an administrator types there.

    shell = Shell(node.files, programs={"etcdctl": ...})
    shell.run("sed -i 's/a/b/' /etc/kubernetes/manifests/etcd.yaml && cat /etc/hostname")

Pipes, `&&`, `||`, redirections, here-documents, quotes, `$NAME`, `$(commands)`, `*`. No process runs: each
program is a Python function with the original's messages.

Reading order: `words` (cutting up and filling in), `syntax` (putting together), `shell` (running), then
`builtins`, `coreutils`, `encoding`, `filters` and `sed` over `options`, `curl`, and
`registry`, where a new program gets its line.

Left out against bash: loops, conditions, functions, job control, arithmetic, arrays. A cell that needs them
is Python.
"""

from kubekit.terminal.node_shell.shell import Program, Run, Shell

__all__ = ["Program", "Run", "Shell"]
