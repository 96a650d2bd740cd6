"""Any number of names at once: `look_up()` streams lines in and one result for each (line, type) out.

One process asks 60,000 names and more a second of CPU, where dns.asyncresolver comes to some 1,700: a poll loop of our
own over plain sockets, queries from a template, and the usual replies read without an object for each part of them.
What is unusual about a reply is left to `dns.wire` and `dns.chase`, so that a name has the same result here as alone.

    lines    what a line asks: name, types, servers; or why it asks nothing
    feed     lines from a descriptor, as they come, never the whole file
    task     a question on its way
    quick    queries from a template, the strict reader of usual replies
    channel  a UDP socket; stream: a TCP connection, secured: under TLS; streams: those of HTTPS and QUIC; each with the
             questions that wait on it
    upstream a server: its channels, how much it takes, whether it is there
    pace     how many questions may be on their way, and how many a second
    engine   the loop
    full_names  lines of `fqdn`; steps: what they ask, which follows from the answers to what they asked
    search   of a short name by the search list; searching: all of a run; order: results as the input has them
    jobs     the same in several processes
"""
