"""Meeting other software: pipelines of diffusers, motion LoRA files, the authors' checkpoints."""
