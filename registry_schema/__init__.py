"""What things are: manifests, indexes, receipts and the rules between them; plain data, no torch, no terminal, no network."""
