"""A page for people that asks a node they cannot reach by address: a client with an API key, never a member."""
