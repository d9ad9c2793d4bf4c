"""Chapter: encryption at rest - what the API server writes to etcd, and who can read it there.

Reading order:
  1. `configuration`   the file: which resources, which providers in which order, which keys
  2. `transformers`    what is done to a value on its way to the store and back; prefixes choose
  3. `providers`       AES-CBC, AES-GCM, secretbox, and none
  4. `secretbox`       XSalsa20 and Poly1305, which nothing else here brings along

    {"kind":"Secret", ...}  ->  k8s:enc:aescbc:v1:key1:<16 random bytes><AES-CBC of the JSON, padded>

The first provider writes, all are tried for reading; what another one than the first has written is *stale*,
and is written anew by the next update, also by one that changes nothing. That is how keys are rotated:

    kubectl get secrets -A -o json | kubectl replace -f -

Left out: kms (a program of its own beside the API server would have to hold the key).
"""
