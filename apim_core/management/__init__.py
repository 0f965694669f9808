"""The management port: whether the gateway lives, whether it serves, what it counts, what it runs, and who may call.

Every route is in one table, with the permission that it needs. What changes access needs the management token, and
changes the store for access and nothing else.
"""

from apim_core.management.administration import Administration
from apim_core.management.merging import merge
from apim_core.management.routes import ROUTES, Observed, Permission, Route
from apim_core.management.server import Management

__all__ = ["ROUTES", "Administration", "Management", "Observed", "Permission", "Route", "merge"]
