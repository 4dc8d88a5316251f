"""How `nano` and the starter adapters came to be: the clip generator and the pretraining command."""
