"""Who may call: applications, the keys that they hold, what they are subscribed to, and what has been revoked.

A configuration writes some of it; the rest lives in a store, which every process follows by itself, so that a change
takes effect without a new configuration. What is written is immutable and belongs to a snapshot; what is stored is
changed in place, entry by entry, by the event loop that also serves: a request sees an entry as it was or as it is.
"""
