"""Authenticators: how clients show who they are."""
