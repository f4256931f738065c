"""How nodes reach each other: one live link to each peer, and messages, questions and streams over it."""
