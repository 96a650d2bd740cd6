"""The echo server (RFC 862) and the hello server: one loop, one process, every transport."""
