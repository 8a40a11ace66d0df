"""Limner gives any language model the `image_generation` tool, and paints with its own engine."""

__version__ = "0.1.0"
