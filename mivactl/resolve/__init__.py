"""Which builds a request means: pure, without files or network."""
