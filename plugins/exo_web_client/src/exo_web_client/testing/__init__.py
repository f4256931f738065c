"""For tests: a browser's side without a browser."""
