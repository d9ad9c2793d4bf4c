"""What holds whatever fails: random faults over whole etcd clusters, and the checker of what clients saw."""
