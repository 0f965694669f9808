"""Every installed plugin, ours and a stranger's, does what a plugin has to do."""

from importlib.metadata import entry_points

from apim_sdk.testing.conformance import suite

test_conformance = suite(*sorted(entry_points(group="apim.plugins").names))
