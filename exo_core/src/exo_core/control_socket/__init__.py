"""How a command on this machine reaches the node that runs here: a Unix socket, 0600, one question per connection."""
