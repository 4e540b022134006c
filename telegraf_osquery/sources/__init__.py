"""Sources speak when they have something."""
