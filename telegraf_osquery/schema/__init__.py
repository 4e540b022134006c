"""osquery's tables, the typing of its cells, and what a statement asks for."""
