"""SMTP (RFC 5321): its protocol without sockets."""
