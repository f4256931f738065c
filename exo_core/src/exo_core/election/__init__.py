"""Who leads: a bully election with a sticky incumbent, pre-vote and fenced epochs. Sans-IO; time is an argument."""
