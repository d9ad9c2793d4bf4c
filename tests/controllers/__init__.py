"""Tests of the controllers, on an API server without scheduler and kubelets unless a test needs them."""
