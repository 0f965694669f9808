"""The `cache` policy: a shared cache (RFC 9111) in front of a backend.

policy      the options; what is answered from the cache at once
keys, wishes, varying       which answers a request can get
filling     what becomes of the others: together, to the backend, kept
judging     whether and for how long an answer is kept
shelf       where answers are: memory_shelf and table, or store_shelf
marks       what has been purged
"""

from apim_traffic.cache.policy import Cache

__all__ = ["Cache"]
