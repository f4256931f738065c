"""What stands before every route. Each guard refuses by raising `ApiError`; `failures` turns that into an answer."""
