"""The node: what a running member of a cluster is made of."""
