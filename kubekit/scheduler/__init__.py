"""Chapter: the scheduler - which node a pod gets, and why."""
