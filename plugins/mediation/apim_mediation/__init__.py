"""Policies that change messages, and choose who may send them."""
