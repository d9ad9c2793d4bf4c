"""kubekit: a Kubernetes control plane that you can hold in one hand."""
