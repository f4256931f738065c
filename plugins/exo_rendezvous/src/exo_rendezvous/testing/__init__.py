"""For tests: a rendezvous in their own process."""
