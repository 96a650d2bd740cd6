"""`netkit smtp check` as a library: `domain.check_domain` and `server.check_server`; it sends no mail."""
