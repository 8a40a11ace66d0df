"""Models of Z-Image's class, stepped by our own loop over the stock modules."""
