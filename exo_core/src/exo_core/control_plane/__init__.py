"""One log for all nodes: replication, the master's duties, and the thin driver that runs them."""
