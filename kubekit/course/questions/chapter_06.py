"""Chapter 06, Backup and restore: its guesses and its quiz."""

from __future__ import annotations

from kubekit.course.predict import prediction, question

prediction(
    "06.p1",
    "A snapshot is being taken. May others write meanwhile?",
    ["No: etcd stops for it", "Yes, and the snapshot has it", "Yes, and the snapshot does not have it"],
)
prediction(
    "06.p2",
    "Right after `snapshot restore`, without anything else: what does the cluster show?",
    ["The state of the backup", "The same as before", "Nothing: etcd is being restarted"],
)
prediction(
    "06.p3",
    "Two pods are in the restored store, four were running. How many containers run after some minutes?",
    ["Two", "Four", "None, until somebody restarts the kubelets"],
)
prediction(
    "06.p4",
    "One byte of the backup has changed. What happens at the restore?",
    [
        "It is refused",
        "One key is lost, the rest is restored",
        "It is restored, and fails when that key is read",
    ],
)

question(
    "06.q1",
    "`etcdutl snapshot restore backup.db` ends without an error, and nothing has changed. Why?",
    [
        "The backup was older than the last compaction",
        "It made ./default.etcd, and no member uses that",
        "The API server shows its cache",
    ],
    2,
    "Without --data-dir it makes <name>.etcd where you stand. A member must be pointed at the directory.",
)
question(
    "06.q2",
    "Three members. Why is it not enough to restore one and to start the other two with their old data?",
    [
        "The other two have other certificates",
        "The restored one belongs to a new cluster; the other two are still the old one",
        "A restore needs an even number",
    ],
    2,
    "A restore makes new IDs, for the member and its cluster. All must be made from the same file.",
)
question(
    "06.q3",
    "After a restore without further flags, a controller does not react to changes. Why?",
    [
        "It watches from a revision that the restored store has not reached yet",
        "Its token was in the part of the store that was lost",
        "It waits for its lease for an hour",
    ],
    1,
    "Revisions went back. Restarted, it lists everything and watches from the revision that is now.",
)
