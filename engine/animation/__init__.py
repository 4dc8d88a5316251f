"""From a photo to a clip file with its receipt: the base and adapters of a run, generation, finishing, files."""
