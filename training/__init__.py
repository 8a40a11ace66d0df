"""Trains `tiny`, the text-to-image model that ships with Limner, from nothing but drawings.

The way of one training run: `scenes` invents, `captions` words and `drawing` paints a picture;
`vae` learns to compress pictures, `text` learns to read captions, `painter` learns to paint
latents for what was read; `export` writes the folder that the engine loads.
"""
