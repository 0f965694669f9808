"""Plugins of the kind `traffic`."""
