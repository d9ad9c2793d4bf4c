"""The certificate of the authority that clusters trust while nobody serves them.

Pods and token secrets always hold one. A served cluster has an authority of its own, whose certificate the
options name; this one's key was thrown away, so nothing will ever be signed with it. It is what a cluster's
CA looks like: RSA, self-signed, ten years. Its name, kubernetes-ca, is the default of the page on PKI
certificates and requirements; kubeadm, and a served cluster with it, says kubernetes.
"""

ROOT_CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIDCzCCAfOgAwIBAgIIcf7cuph2VDIwDQYJKoZIhvcNAQELBQAwGDEWMBQGA1UE
AwwNa3ViZXJuZXRlcy1jYTAeFw0yNjAxMDEwMDAwMDBaFw0zNTEyMzAwMDAwMDBa
MBgxFjAUBgNVBAMMDWt1YmVybmV0ZXMtY2EwggEiMA0GCSqGSIb3DQEBAQUAA4IB
DwAwggEKAoIBAQCv8TC6c7vfW3qYrVAHunRkegvOo/Y/Do5QFv+bTiZm3995R5Z+
dvMfY6r+OObYqf5TESLpMobncpZFOlCl7PZnLlp6LA9abE53NsITMt6PZ3D8/ZU/
pOLqdk+X4B6jnFu0g7z9amJ0WW1mn47LpaHcHZl6+WgUh47esWDZiKW0bJ7bcFC5
IoThL7HPMBMlZbQZFB6vp8Wkfrydn/mMX6bQgLRVy9/Qi4YwVxMJdOlACdtGBSHJ
reOHmN0jqH/xZdUfg+6rkoAaOwMv2eBShzzg1TozyYoO/IjDgtHTu6NEeRYTCo/x
IQYg/PLw+JU3d+cH/1Ej5Ltv20Ltt4Y3qpVLAgMBAAGjWTBXMA4GA1UdDwEB/wQE
AwICpDAPBgNVHRMBAf8EBTADAQH/MB0GA1UdDgQWBBSW0FnN7Y9nVrDONbVWjWbL
Av+2nTAVBgNVHREEDjAMggprdWJlcm5ldGVzMA0GCSqGSIb3DQEBCwUAA4IBAQAF
L+lPn4UIMC7Bqukn8naG97ajdvY0X7GtkWjdBAd5a/mtX7dSBegev42KJ54SpNq0
6nVckBHwFL04fM+PFj/CKlh8sn77WFuKBH6a5EjR4fUVuEIN9L8xkpZ9ec8P6xqA
EuhxMFHMf1M7Pow5LNWBczH8IVVd1YQJtK4a4v6kJq8nbsV3MEq0kGldxxGdwa07
H+WJhJ2lo3yfCT4GynkEarRcC+k9akg5W2Xd5ppWY8JuP9txD5R+e6nlFKLHPbgH
POKuGU/5Jqos54UtLFbOo9gXKLA8bzu5yINEr+96S1dBaAgnIhdntbN1MIQ7gzqf
fJJJBO4HtK2eC1np0dVb
-----END CERTIFICATE-----
"""
