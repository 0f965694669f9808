"""Sinks: what becomes of the records of requests."""
