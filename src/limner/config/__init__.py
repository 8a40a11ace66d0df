"""Settings from the command line, the environment and files, as frozen values."""
