"""For tests of machines that reach each other only through NATs."""
