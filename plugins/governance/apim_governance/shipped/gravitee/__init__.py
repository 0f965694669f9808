"""Rules for Gravitee definitions of version 4, known as `gravitee:recommended`."""
