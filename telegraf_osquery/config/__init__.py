"""Settings: from TOML text to the frozen Struct of a component."""
