"""The echo client: asks any echo server (RFC 862), and compares every byte that comes back."""
