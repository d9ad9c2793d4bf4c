"""Chapter: admission - who has a say in a write after it was allowed and before it is stored.

Reading order:
  1. `plugin`   what a plugin is and what it is asked
  2. `chain`    the plugins in their order, and the loop that asks them
  3. any plugin: one file each, named after it (`namespace_lifecycle`, `limit_ranger`, `pod_security`, ...)

To add a plugin, copy a neighbour and add its line to `PLUGINS` in `chain`. Left out against the original:
plugins that only matter with a cloud or with alpha features (ImagePolicyWebhook, DenyServiceExternalIPs is
off as there, PodNodeSelector and others that are off by default).
"""
