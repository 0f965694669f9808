"""A token for the backend that says who called."""

from apim_auth.backend_jwt.policy import BackendJWT

__all__ = ["BackendJWT"]
