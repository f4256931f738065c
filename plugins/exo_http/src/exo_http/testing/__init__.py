"""For the tests of API surfaces, ours and others': a node that answers from a script, behind the real front door."""
