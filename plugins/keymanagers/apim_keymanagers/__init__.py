"""Key managers: connectors to authorization servers."""
