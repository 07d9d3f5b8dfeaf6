"""Wacker 2020."""
