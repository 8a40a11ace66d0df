"""The local image engine: one loaded diffusion pipeline behind the Images API."""
