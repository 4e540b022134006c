"""What travels: columns, rows, batches, run ends."""
