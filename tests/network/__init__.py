"""Tests of the room `kubekit.network`."""
