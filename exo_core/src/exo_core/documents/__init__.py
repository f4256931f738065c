"""What a node shows of itself as JSON, the same for the command line and for HTTP. Read from a `NodeHandle`."""
