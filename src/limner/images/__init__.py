"""Image back ends reached over HTTP."""
