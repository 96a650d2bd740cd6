"""Messages to send: composed from parts or taken as they are, in constant memory, with their size known before."""
