"""What a person types: one file per command group, and what it prints."""
