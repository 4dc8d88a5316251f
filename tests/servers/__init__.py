"""Real servers and our own faulty ones, on loopback and random ports, for every test that talks over the network."""
