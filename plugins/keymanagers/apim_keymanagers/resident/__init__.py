"""An authorization server of our own, so that the gateway works alone.

``plugin`` is the key manager, ``authorization_server`` beside this package its HTTP interface; both stand on
``server``, which holds the parts. State is in a store of the operator's choice (``records``): secrets in it are hashed
(``credentials``, ``passwords``), private keys sealed (``vault``).
"""

from apim_keymanagers.resident.plugin import Resident

__all__ = ["Resident"]
