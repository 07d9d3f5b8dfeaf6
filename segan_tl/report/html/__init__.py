"""The page of runs in a browser."""
