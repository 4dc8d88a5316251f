"""What things are: manifests, indexes, receipts, and the rules between them; plain data without torch or network."""
