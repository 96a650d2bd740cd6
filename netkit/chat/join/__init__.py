"""The other side of the chat: a client for netkit's server, and for any server that takes and sends lines."""
