"""Chapter 04, The key-value store: revisions, the past, leases, and a store that is full."""

from __future__ import annotations

from typing import Any

from kubekit.course.exercise import Finding, Findings, Look, exercise

WEB = b"/registry/deployments/default/web"
GREETING = "/registry/configmaps/default/greeting"
LAST_WORDS = "good evening"
TWO_MINUTES = 120


def stored(look: Look, key: bytes | str) -> Any:
    """The KeyValue under a key of etcd, or None."""
    return look.cluster.etcd.store.get(key.encode() if isinstance(key, str) else key)


def value(look: Look, key: bytes | str) -> str | None:
    """The value under a key as text, or None."""
    found = stored(look, key)
    return None if found is None else found.value.decode(errors="replace")


def keys_like(look: Look, prefix: bytes) -> list[str]:
    """The keys below a prefix."""
    end = prefix[:-1] + bytes([prefix[-1] + 1])
    return [kv.key.decode(errors="replace") for kv in look.cluster.etcd.store.range(prefix, end).kvs]


@exercise(
    "04.1",
    "Find the revision of the last change",
    hints=[
        "`-w fields` shows everything that etcd knows of a key beside its value.",
        "Of the four numbers one is the store's, one the key's first write, one its last, and one a count.",
        "`%etcdctl get /registry/deployments/default/web -w fields`, and look for `ModRevision`",
        '`%etcdctl put /course/revision N`, with the number behind `"ModRevision"`',
    ],
    waits_for=["there is a key `/course/revision`", "it holds the mod revision of the Deployment's key"],
)
def find_the_revision(look: Look) -> Findings:
    web = stored(look, WEB)
    if web is None:
        yield look.nothing_yet("There is no Deployment web.", "run the chapter's first cell")
        return
    answer = value(look, "/course/revision")
    others = [key for key in keys_like(look, b"/course/") if "revision" in key.lower()]
    if answer is None and not others:
        yield look.nothing_yet("There is no key /course/revision yet.")
        return
    yield look.expect(
        "there is a key /course/revision",
        expected="/course/revision",
        observed=others,
        holds=answer is not None,
        where="the name of the key: etcd takes every name, also a wrong one",
    )
    if answer is None:
        return
    meaning = {
        str(web.create_revision): "its create revision",
        str(web.version): "its version",
        str(look.cluster.etcd.store.revision): "the revision of the whole store",
        str(look.cluster.etcd.store.revision - 1): "the revision of the whole store when it was read",
        str(web.mod_revision): "its mod revision",
    }.get(answer.strip(), "none of its numbers")
    yield look.expect(
        "it is the mod revision of the Deployment",
        expected=f"{web.mod_revision}, its mod revision",
        observed=f"{answer}, {meaning}",
        holds=answer.strip() == str(web.mod_revision),
        where='the line "ModRevision" of `%etcdctl get /registry/deployments/default/web -w fields`',
    )


@exercise(
    "04.2",
    "Bring the greeting back",
    hints=[
        "A deleted key still has its earlier versions, until they are compacted.",
        "A read with `--rev` shows the store as it was then. Which revision was just before the deletion?",
        'Its data stands in the value: `cluster.etcdctl(f"get KEY --rev={before} --print-value-only")`',
        '`%kubectl create configmap greeting --from-literal=text="good evening"`',
    ],
    waits_for=[
        "there is a ConfigMap `greeting` again",
        "it says what it last said",
        "it came through the API server",
    ],
)
def undelete(look: Look) -> Findings:
    past = look.history("configmap/default/greeting")
    if not past.deleted_by_user:
        yield look.nothing_yet(
            "The ConfigMap greeting has not been deleted.", "run the section's cells first"
        )
        return
    found = look.find("configmaps", "greeting")
    if found is None:
        elsewhere = [
            f"{item['metadata']['namespace']}/{item['metadata']['name']}"
            for item in look.all("configmaps", None)
            if "greet" in item["metadata"]["name"] or (item.get("data") or {}).get("text")
        ]
        if not elsewhere:
            yield look.nothing_yet("There is no ConfigMap greeting: it was deleted.")
            return
        yield look.expect(
            "there is a ConfigMap greeting again",
            expected="default/greeting",
            observed=elsewhere,
            where="name and namespace: `%kubectl get configmaps -A`",
        )
        return
    yield Finding("there is a ConfigMap greeting again", "holds")
    data = found.get("data") or {}
    yield look.expect(
        "it says what it last said",
        expected=f"text: {LAST_WORDS}",
        observed=", ".join(f"{key}: {text}" for key, text in sorted(data.items())),
        holds=data == {"text": LAST_WORDS},
        where="the value at the revision just before the deletion, `before`: it had been changed since",
    )
    yield look.expect(
        "it came through the API server",
        expected="a request that the API server checked",
        observed="a value that was put into etcd past the API server",
        holds=len(past.creations) >= 2,
        where="`%kubectl create`: what is put into etcd by hand has passed no validation and no admission",
    )


@exercise(
    "04.3",
    "A key that goes by itself",
    hints=[
        "A key goes by itself when the lease that it hangs on runs out.",
        "First there is a lease with a time to live in seconds, then a put that names it.",
        "`%etcdctl lease grant 90`, then `%etcdctl put KEY VALUE --lease=ID`",
        "`LEASE=$(etcdctl lease grant 90 | cut -d' ' -f2)` and "
        "`etcdctl put /course/guard on --lease=$LEASE`, in a cell that begins with `%%etcdctl`",
    ],
    waits_for=["the key `/course/guard` holds `on`", "it hangs on a lease", "of at most two minutes"],
)
def only_while_i_live(look: Look) -> Findings:
    guard = stored(look, "/course/guard")
    if guard is None:
        yield look.nothing_yet("There is no key /course/guard; if there was one, its lease has run out.")
        return
    yield look.expect(
        "its value is on",
        expected="on",
        observed=guard.value.decode(errors="replace"),
        where="`%etcdctl get /course/guard`",
    )
    lease = look.cluster.etcd.store.leases.lookup(guard.lease) if guard.lease else None
    yield look.expect(
        "it hangs on a lease",
        expected="a lease",
        observed="no lease: it stays for ever",
        holds=lease is not None,
        where='`"Lease"` in `%etcdctl get /course/guard -w fields`; a put without --lease takes a key off it',
    )
    if lease is not None:
        yield look.expect(
            "of at most two minutes",
            expected="120 seconds or less",
            observed=f"{lease.ttl} seconds",
            holds=lease.ttl <= TWO_MINUTES,
            where=f"the number behind `lease grant`; `%etcdctl lease timetolive {lease.id:x}`",
        )


def on_the_full_one(look: Look) -> bool:
    """Whether the cluster is that of the section on a full store."""
    return bool(look.cluster.name == "full")


@exercise(
    "04.4",
    "Make a full store writable again",
    hints=[
        "What is full is the file. What in it does nobody need any more?",
        "Compaction frees pages within the file, defragmentation makes the file smaller, "
        "and the alarm has to be switched off by hand.",
        "`etcdctl compaction REVISION`, `etcdctl defrag`, `etcdctl alarm disarm`, in this order",
        'compaction with the number behind `"Revision"` of `%etcdctl endpoint status -w fields`, '
        "`%etcdctl defrag`, `%etcdctl alarm disarm`, `%kubectl create configmap one-more`",
    ],
    waits_for=[
        "the past is compacted",
        "the file is small again",
        "no alarm is on",
        "the ConfigMap `one-more` exists",
    ],
)
def writable_again(look: Look) -> Findings:
    if not on_the_full_one(look):
        yield look.nothing_yet("The current cluster is not the full one.", "run the section's first cell")
        return
    member = look.cluster.etcd.member("etcd")
    status = member.status()
    size, used, quota = (int(status.get(part, 0)) for part in ("dbSize", "dbSizeInUse", "dbSizeQuota"))
    quota = quota or look.cluster.settings.etcd_quota_bytes
    alarms = member.alarms.get()
    made = look.find("configmaps", "one-more")
    compacted = look.cluster.etcd.store.compacted_revision > 0
    if not compacted and alarms and made is None and size > quota / 2:
        yield look.nothing_yet("The alarm is on, and the past is all there.")
        return
    yield look.expect(
        "the past is compacted",
        expected="a compaction near the present revision",
        observed="none",
        holds=compacted and used < quota / 2,
        where="`%etcdctl compaction REVISION`: the versions of /junk are still there",
    )
    yield look.expect(
        "the file is small again",
        expected="less than half of the quota",
        observed=f"{size:,} bytes of {quota:,}, of which {used:,} are in use",
        holds=size < quota / 2,
        where="`DBSize` and `DBSizeInUse` of `%etcdctl endpoint status -w fields`; `defrag` brings them "
        "together, once the past is compacted",
    )
    yield look.expect(
        "no alarm is on",
        expected="none",
        observed="NOSPACE",
        holds=not alarms,
        where="`%etcdctl alarm list`; it stays until `%etcdctl alarm disarm`",
    )
    yield look.expect(
        "the ConfigMap one-more exists",
        expected="one-more in namespace default",
        observed="none",
        holds=made is not None,
        where="`%kubectl create configmap one-more`, when writing works again",
    )


SERVICES = b"/registry/services/"
FILE = "/opt/services.txt"


@exercise(
    "04.5",
    "A list of keys on the node",
    hints=[
        "It is the second cell of the chapter, with another prefix and a file at the end.",
        "Names without values: `--keys-only`; all below a prefix: `--prefix`; into a file: `>`.",
        "`etcdctl --endpoints ... --cacert ... --cert ... --key ... get /registry/services/ "
        "--prefix --keys-only > /opt/services.txt`",
        "In `%%ssh controlplane`, in /etc/kubernetes/pki/etcd, with ca.crt, server.crt and server.key.",
    ],
    waits_for=["there is a file /opt/services.txt on controlplane", "every key is in it", "and nothing else"],
)
def list_of_keys(look: Look) -> Findings:
    files = next(iter(look.cluster.nodes.values())).files
    if not files.exists(FILE):
        strays = [f"/{folder}/services.txt" for folder in ("root", "tmp", "etc/kubernetes/pki/etcd")]
        found = [path for path in strays if files.exists(path)]
        if not found:
            yield look.nothing_yet("There is no file /opt/services.txt on controlplane.")
            return
        yield look.expect(
            "there is a file /opt/services.txt",
            expected=FILE,
            observed=found,
            where="the path behind `>`: a relative one begins where `cd` went",
        )
        return
    yield Finding("there is a file /opt/services.txt", "holds")
    lines = [line for line in files.text(FILE).splitlines() if line]
    wanted = keys_like(look, SERVICES)
    missing = [key for key in wanted if key not in lines]
    yield look.expect(
        "every key is in it",
        expected=wanted,
        observed=[line for line in lines if line.startswith("/")] or "an empty file",
        holds=not missing,
        where="`--prefix`, and the prefix with both slashes; an empty file is what an error leaves: "
        "read what etcdctl said",
        detail=", ".join(wanted),
    )
    more = [line for line in lines if line not in wanted]
    yield look.expect(
        "and nothing else",
        expected="names only",
        observed=f"also: {more[0][:60]}" if more else "",
        holds=not more,
        where="`--keys-only`, and the prefix: `head -c 300 /opt/services.txt`",
    )


@exercise(
    "04.6",
    "End a lease",
    hints=[
        "A key goes with its lease. There is a command that ends a lease before its time.",
        "`etcdctl lease` has grant, revoke, timetolive, list and keep-alive.",
        "`%etcdctl lease revoke ID`; the ID is in `$STUCK`",
        "`%etcdctl lease revoke $STUCK`",
    ],
    waits_for=["the key `/course/stuck` is gone", "its lease too", "`/course/kept` is as it was"],
)
def end_a_lease(look: Look) -> Findings:
    store = look.cluster.etcd.store
    stuck, kept = stored(look, "/course/stuck"), stored(look, "/course/kept")
    hung_on = _last_lease(store, b"/course/stuck")
    if not hung_on:
        yield look.nothing_yet(
            "There are no keys /course/stuck and /course/kept.", "run the task's first cell"
        )
        return
    if stuck is not None and stuck.lease and kept is not None and kept.lease:
        yield look.nothing_yet("Both keys hang on their leases.")
        return
    yield look.expect(
        "the key /course/stuck is gone",
        expected="no such key",
        observed="it is there" + ("" if stuck is not None and stuck.lease else ", without a lease"),
        holds=stuck is None,
        where="`%etcdctl get /course/stuck -w fields`: a put without --lease only takes a key off its lease",
    )
    yield look.expect(
        "its lease is gone too",
        expected="no such lease",
        observed=f"lease {hung_on:x} is there, without its key",
        holds=store.leases.lookup(hung_on) is None,
        where="`%etcdctl lease list`: a deleted key leaves its lease behind",
    )
    yield look.expect(
        "/course/kept is as it was",
        expected="good, on its lease",
        observed="it is gone" if kept is None else f"{kept.value.decode()}, lease {kept.lease:x}",
        holds=kept is not None and kept.value == b"good" and kept.lease != 0,
        where="the ID that was revoked, or the prefix that was deleted",
    )


def _last_lease(store: Any, key: bytes) -> int:
    """The last lease that a key hung on, also when it is gone; 0 when there was none."""
    for revision in range(store.revision, max(store.compacted_revision, 0), -1):
        found = store.at(key, revision)
        if found is not None and found.lease:
            return int(found.lease)
    return 0
