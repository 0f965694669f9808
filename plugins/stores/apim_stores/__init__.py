"""Stores: where state lives that outlasts a request."""
