"""Shared by all test runs: a progress file of their own, so that no test reads or writes a learner's."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

# One folder a test process: notebooks that run side by side never share a progress file.
os.environ["KUBEKIT_PROGRESS"] = str(Path(tempfile.mkdtemp(prefix="kubekit-test-")) / "progress.json")
