"""The management port: whether the gateway lives, whether it serves, what it counts and what it runs.

Every route is in one table, with the permission that it needs. Nothing here changes anything.
"""

from apim_core.management.merging import merge
from apim_core.management.routes import ROUTES, Observed, Permission, Route
from apim_core.management.server import Management

__all__ = ["ROUTES", "Management", "Observed", "Permission", "Route", "merge"]
