"""Mail: what headers say, read leniently."""
