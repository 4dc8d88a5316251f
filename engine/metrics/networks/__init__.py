"""Networks of published metrics that no library brings; their tensors have the names of the published files."""
