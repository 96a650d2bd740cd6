"""Zone transfers (AXFR, IXFR): `protocol` reads the messages, `stream` brings them over TCP."""
