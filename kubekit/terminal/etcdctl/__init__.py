"""etcdctl: the command line of etcd, in this process, with the original's flags, texts and exit statuses.

    tool = Etcdctl(doors)                       # what stands behind addresses: see `doors`
    tool.run(["put", "foo", "bar"])             # Result(exit=0, stdout="OK\\n", stderr="")
    tool.run(["get", "foo", "-w", "json"], env={"ETCDCTL_ENDPOINTS": "https://127.0.0.1:2379"})

The release (3.6.13; 3.5 and 3.4 too) is an argument, because learners meet older ones and recordings of three
are replayed. In a notebook nothing blocks: `watch`, `lock`, `elect`, `lease keep-alive` and whatever hangs
for want of a server get some virtual time and then their Ctrl-C.

Reading order: `program` (from words to a status), `tree` and `usage` (commands and their help), `call` (one
command line: flags, environment, output), `client`, `tls` and `doors` (who answers, and who trusts whom),
then the commands: `keys`, `txn`, `watch`, `lease`, `lock` over `queueing`, `member`, `endpoint`, `auth`,
`user`, `snapshot`, `offline`, `mirror`, `check`, `version`; and the printers, `printer` first. `etcdutl`
stands next door.

Left out against the original: API version 2, discovery by DNS, keepalive times, completion scripts (a
notebook completes by itself), the v2 migration of 3.4, and the memory figures of `check datascale`.
"""

from kubekit.terminal.etcdctl.doors import Door, Doors, MemberDoor
from kubekit.terminal.etcdctl.program import Etcdctl

__all__ = ["Door", "Doors", "Etcdctl", "MemberDoor"]
