"""The load generator of `netkit chat bench`: many clients of one chat server of lines, any, who check what they get."""
