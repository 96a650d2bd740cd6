"""POP3 (RFC 1939, 2449): the client, its protocol without sockets, and what is kept between sessions."""
