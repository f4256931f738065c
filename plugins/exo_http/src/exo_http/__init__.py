"""The front door of a node: one HTTP server, its guards, and the routes that plugins mount."""
