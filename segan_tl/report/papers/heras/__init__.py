"""Heras Rivera 2024."""
