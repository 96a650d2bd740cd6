"""Many nodes, one chat: the bus over a NATS server with JetStream (2.9 or later), by nats-py.

What everybody hears is in one stream, whose order all nodes show; a message of it is a batch, all lines that a node
took in one turn. Who is where, private messages and moderation go by core NATS, which keeps nothing. Nicks are keys of
a bucket. Whoever may write to the broker is trusted as a moderator is, but nothing it writes ends a node or reaches a
terminal raw.
"""
