"""What `reproduce` runs, paper by paper."""
