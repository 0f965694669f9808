"""The ruleset after the OWASP API Security Top 10: rules in ``ruleset.yaml``, what they call in the modules here."""
