"""Every installed plugin, ours and a stranger's, does what a plugin has to do."""

from importlib.metadata import entry_points

from apim_sdk.testing import FakeContext, build
from apim_sdk.testing.conformance import suite
from apim_sdk.testing.conformance.subject import obliging_context


def with_an_authorization_server() -> FakeContext:
    """A context whose key manager is one that has pages to serve."""
    context = obliging_context()
    context.key_managers = {"resident": build("resident")}
    return context


test_conformance = suite(*sorted(entry_points(group="apim.plugins").names - {"authorization-server"}))
test_conformance_with_an_authorization_server = suite("authorization-server", context=with_an_authorization_server)
