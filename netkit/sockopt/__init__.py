"""Socket options: read, set, compared, of fresh sockets and of live ones in other processes."""
