"""What a node does, in figures: `GET /metrics`, for Prometheus."""
