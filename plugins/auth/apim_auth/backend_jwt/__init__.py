"""A token for the backend that says who called, and the keys by which it can be checked."""
