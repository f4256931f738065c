"""REST for a cluster's state, instances, models and events, and a status page at `/`."""
