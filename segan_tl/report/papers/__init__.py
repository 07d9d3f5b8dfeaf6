"""The pages of `reproduce`."""
