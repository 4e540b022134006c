"""What the process says about itself: log lines, counters, health."""
