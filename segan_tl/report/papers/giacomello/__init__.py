"""Giacomello 2020."""
