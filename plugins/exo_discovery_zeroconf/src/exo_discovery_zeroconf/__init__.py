"""Members of a cluster find each other on a local network, by multicast DNS."""
