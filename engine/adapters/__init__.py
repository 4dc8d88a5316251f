"""Motion adapters: their parts, how several are summed, and how they are put on a base and taken off."""
