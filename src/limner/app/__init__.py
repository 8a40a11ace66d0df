"""The one place that joins everything: settings in, running processes out."""
