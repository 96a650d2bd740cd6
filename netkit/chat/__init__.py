"""The chat server of the tutorial, for any number of clients: core, browser page, many nodes, and the client."""
