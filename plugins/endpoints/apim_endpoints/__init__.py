"""Plugins of the kind `endpoints`."""
