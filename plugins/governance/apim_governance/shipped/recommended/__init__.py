"""Rules for the APIs of our own configuration, known as `apim:recommended`."""
