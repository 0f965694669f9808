"""The gateways that are measured, by name."""

from collections.abc import Mapping
from types import MappingProxyType

from bench.peers.apim import Apim
from bench.peers.caddy import Caddy
from bench.peers.envoy import Envoy
from bench.peers.haproxy import HAProxy
from bench.peers.nginx import Nginx
from bench.peers.peer import Peer
from bench.peers.traefik import Traefik

_ALL: tuple[Peer, ...] = (Apim(), Nginx(), Envoy(), HAProxy(), Traefik(), Caddy())

PEERS: Mapping[str, Peer] = MappingProxyType({peer.name: peer for peer in _ALL})
