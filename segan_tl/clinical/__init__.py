"""From the hospital to a result and back."""
