"""Network utilities, as a library and as the `netkit` command."""

__version__ = "0.1.0"
