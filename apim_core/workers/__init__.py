"""Processes: one that serves by itself, or a supervisor with workers; signals, reloads, restarts and the start.

service      loads the configuration, answers signals, reloads, tells systemd        (always)
  serving    one gateway in one process                                              (in the service, or a worker)
  pool       N workers behind one service: sockets, reloads in two steps, metrics
    slot     the place of one worker: spawn, watch, restart with back-off
  worker     what runs in the process of a worker, asked over the control channel
"""
