"""From the hospital's files to a case and back."""
