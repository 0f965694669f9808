"""Policies that limit how much comes through."""
