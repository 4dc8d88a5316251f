"""Other people's image-to-video pipelines, as diffusers has them."""
