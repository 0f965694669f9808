"""The wire: an HTTP/1.1 server towards clients, pools of HTTP/1.1 connections towards backends.

Theory of operation. Each half is an ``asyncio.Protocol`` over uvloop's transports, and llhttp (through httptools)
splits heads into fields. What llhttp lets pass and two readers could understand differently is refused here: with 400
to the client, with 502 for the backend, and the connection is closed either way.

::

    client -> connection -> head, framing, target, forwarding -> Stream -> handler
                                                                              |
    backend <- upstream_connection <- upstream_head <- pool <- UpstreamPool.send
       |
       +----> upstream_answer -> Response, with a body that is whole or an AnswerBody -> Stream.respond -> client

A message is handed over as soon as its head is there. Its body is whole if it came along, which is the usual case and
costs no further wait; else it streams: each side stops reading while the other one does not take what it has, so no
more than a few buffers are ever held. A body that breaks raises ``BodyError`` where it is read, and whoever was passing
it on resets its own connection: nobody takes a part for the whole.

Nothing on the path of a request sets a timer. Each connection holds the time at which its present state has lasted too
long, and a sweeper looks at all of them a few times a second.

On the server's side three rules carry the whole. One request of a connection is in work at a time: what a client
pipelines waits as bytes, bounded, and is not even looked at. The parser is given one head at a time and never decides
where a body ends: ``framing`` does, from headers that allow one reading only. And what a client may not say is gone
before anybody else sees the request (``forwarding``). ``states`` has the table of a connection's states; PROXY headers
and TLS handshakes come before it (``accepting``), bodies are cut out of what arrives by ``receiving`` and ``chunked``
and wait in ``inbound``, and ``tunnel`` relays what follows a 101.
"""
