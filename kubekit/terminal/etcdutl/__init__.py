"""etcdutl: what can be done to etcd's files while no etcd runs.

    Etcdutl(files=FolderDisk(".")).run(["snapshot", "restore", "backup.db", "--data-dir", "restored"])

Reading order: `program`, `tree`; what the commands do stands in `etcdctl.offline`.
"""

from kubekit.terminal.etcdutl.program import Etcdutl

__all__ = ["Etcdutl"]
