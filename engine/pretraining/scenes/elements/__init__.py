"""Things that can move in a picture, one kind per file."""
