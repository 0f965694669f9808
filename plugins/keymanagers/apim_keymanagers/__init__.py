"""Plugins of the kind `key manager`."""
