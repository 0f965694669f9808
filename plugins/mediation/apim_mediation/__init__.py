"""Plugins of the kind `mediation`."""
