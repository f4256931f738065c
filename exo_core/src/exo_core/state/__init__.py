"""What the cluster knows: events, the pure functions that turn them into `State`, and what follows from it."""
