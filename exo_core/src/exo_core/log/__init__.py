"""How the log is chained, what its rows are made of, and the two ways of keeping it: in memory and in SQLite."""
