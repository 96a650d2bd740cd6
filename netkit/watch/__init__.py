"""Many endpoints watched at once: connections, listeners, datagrams, files; and waiting for what they do."""
