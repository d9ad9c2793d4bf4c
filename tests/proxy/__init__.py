"""Tests of the room `kubekit.proxy`."""
