"""The lab's mail: SMTP in, POP3 out, every recipient a mailbox."""
