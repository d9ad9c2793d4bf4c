"""etcdutl: what can be done to etcd's files while no etcd runs.

    Etcdutl(files=FolderDisk(".")).run(["snapshot", "restore", "backup.db", "--data-dir", "restored"])

Reading order: `snapshot` (status and restore; etcdctl up to 3.5 calls them too), `tree`, `program`.
"""

from kubekit.terminal.etcdutl.program import Etcdutl

__all__ = ["Etcdutl"]
