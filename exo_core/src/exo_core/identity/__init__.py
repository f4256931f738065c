"""Who a node is, what proves it, and how a stranger becomes a member."""
