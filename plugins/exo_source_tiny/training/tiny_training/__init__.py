"""How the embedded model `tiny` came to be: the text it learned, the network, the training loop and the measurement."""
