"""The transport `chaos`: wraps any other and makes it as bad as real networks, told how by another process."""
