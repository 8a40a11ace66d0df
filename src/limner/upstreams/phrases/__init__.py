"""What the built-in rules know of each language, as data: one TOML file per language."""
