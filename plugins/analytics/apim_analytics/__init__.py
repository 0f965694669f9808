"""Plugins of the kind `analytics`."""
