"""Reading what a model says: its answer, its thoughts, and the calls of tools that it writes into its text."""
