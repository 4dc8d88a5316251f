"""Images and clips in; clips, weights and reports out."""
