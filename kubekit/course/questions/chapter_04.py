"""Chapter 04, The key-value store: its guesses and its quiz."""

from __future__ import annotations

from kubekit.course.predict import prediction, question

prediction(
    "04.p1",
    "How many of the components hold a connection to etcd?",
    ["All that change something", "The API server and the controller manager", "One"],
)
prediction(
    "04.p2",
    "`--cacert` gets server.crt, `--cert` gets ca.crt. What happens?",
    [
        "Nothing bad: both are certificates",
        "etcdctl refuses the pair of certificate and key",
        "etcd refuses the client",
    ],
)
prediction(
    "04.p3",
    "`put colour red`, then `put colour green`. What has etcd kept?",
    ["green", "red and green, each with its revision", "green, and red in a log that is never read"],
)
prediction(
    "04.p4",
    "A key is deleted. By how much does the store's revision grow?",
    ["0: nothing is written", "1", "As much as the key had versions"],
)
prediction(
    "04.p5",
    "After a compaction at the present revision, what does `get colour` give?",
    ["An error: it is compacted", "The newest value", "Nothing: the key is gone"],
)
prediction(
    "04.p6",
    "A watch asks for changes from revision 2 on; everything up to a later one is compacted.",
    ["It gets what is left", "It is cancelled, and told why", "It waits for the next change"],
)
prediction(
    "04.p7",
    "The lease runs out. What is left?",
    ["The key without a lease", "Neither lease nor key", "Both, until somebody reads the key"],
)
prediction(
    "04.p8",
    "The store is full. Four keys hold all of it. Does deleting them make it writable?",
    ["Yes", "No: nothing gets smaller", "Only after a restart"],
)

question(
    "04.q1",
    "An object's resourceVersion is 4711. What does that number count?",
    [
        "How often this object was changed",
        "Writes to the whole store when this object was last changed",
        "Seconds since the object was created",
    ],
    2,
    "It is the mod revision of the object's key. How often one key was written is its version.",
)
question(
    "04.q2",
    "A controller was away for a night. Its watch is answered with 410 Gone. What is lost?",
    [
        "Nothing: it lists everything and watches from there",
        "All changes of the night: the objects have to be made anew",
        "The leases of its keys",
    ],
    1,
    "What happened between is gone, what is so now can be read. Controllers look at what is.",
)
question(
    "04.q3",
    "NOSPACE: you have compacted and disarmed the alarm, and it is back soon. What was left out?",
    ["A restart of etcd", "Defragmentation", "Deleting events"],
    2,
    "Compaction frees pages within the file. The quota looks at the file; only defragmentation shrinks it.",
)
