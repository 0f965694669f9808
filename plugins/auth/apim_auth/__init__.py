"""Plugins of the kind `auth`."""
