"""The one place that joins everything."""
