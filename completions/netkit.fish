# fish completion of netkit; made by python -m netkit.cli.completions

# Whether the words before the cursor lead to the command $argv[1]; behind `--` to "COMMAND --".
function __netkit_at
    set -l at netkit
    set -l skip 0
    for word in (commandline -opc)[2..]
        if test $skip = 1
            set skip 0
            continue
        end
        if test "$word" = --
            set at "$at --"
            break
        end
        switch "$at:$word"
            case 'netkit resolve:--type' 'netkit resolve:-t' 'netkit resolve:--server' 'netkit resolve:-s' 'netkit resolve:--tries' 'netkit resolve:--timeout' 'netkit resolve:--color' 'netkit fqdn:--server' 'netkit fqdn:-s' 'netkit fqdn:--timeout' 'netkit fqdn:--color' 'netkit http get:--header' 'netkit http get:-H' 'netkit http get:--query' 'netkit http get:--user-agent' 'netkit http get:-A' 'netkit http get:--auth' 'netkit http get:-u' 'netkit http get:--password-cmd' 'netkit http get:--password-file' 'netkit http get:--password-fd' 'netkit http get:--bearer-cmd' 'netkit http get:--bearer-file' 'netkit http get:--max-redirects' 'netkit http get:--http' 'netkit http get:--cacert' 'netkit http get:--timeout' 'netkit http get:--connect-timeout' 'netkit http get:--output' 'netkit http get:-o' 'netkit http get:--show' 'netkit http get:--max-body' 'netkit http get:--color' 'netkit http head:--header' 'netkit http head:-H' 'netkit http head:--query' 'netkit http head:--user-agent' 'netkit http head:-A' 'netkit http head:--auth' 'netkit http head:-u' 'netkit http head:--password-cmd' 'netkit http head:--password-file' 'netkit http head:--password-fd' 'netkit http head:--bearer-cmd' 'netkit http head:--bearer-file' 'netkit http head:--max-redirects' 'netkit http head:--http' 'netkit http head:--cacert' 'netkit http head:--timeout' 'netkit http head:--connect-timeout' 'netkit http head:--show' 'netkit http head:--color' 'netkit lab:--bind' 'netkit lab:-b' 'netkit lab:--port' 'netkit lab:-p' 'netkit lab:--zone' 'netkit lab:--ready-fd' 'netkit lab:--ready-file' 'netkit lab:--color' 'netkit tour:--step' 'netkit tour:--color'
                set skip 1
                continue
        end
        switch "$at $word"
            case 'netkit resolve' 'netkit fqdn' 'netkit http' 'netkit http get' 'netkit http head' 'netkit lab' 'netkit tour'
                set at "$at $word"
        end
    end
    test "$at" = "$argv[1]"
end

# What completes the user's own command behind `--`.
function __netkit_command
    set -l words (commandline -opc)
    set -l own (contains -i -- -- $words)
    complete -C (string join ' ' -- (string escape -- $words[(math $own + 1)..]) (commandline -ct))
end

complete -c netkit -f
complete -c netkit -n '__netkit_at "netkit"' -a resolve -d 'Look up names and addresses, each answer with its source.'
complete -c netkit -n '__netkit_at "netkit"' -a fqdn -d 'Show the fully qualified name of a host, by default this one.'
complete -c netkit -n '__netkit_at "netkit"' -a http -d 'Send HTTP requests.'
complete -c netkit -n '__netkit_at "netkit"' -a lab -d 'Run DNS and HTTP servers on loopback to try things on.'
complete -c netkit -n '__netkit_at "netkit"' -a tour -d 'See every command at work on the lab.'
complete -c netkit -n '__netkit_at "netkit"' -l version -d 'Show the version and exit.'
complete -c netkit -n '__netkit_at "netkit"' -l show-completion -f -a 'bash zsh fish' -d 'Print the completion script of your shell.'
complete -c netkit -n '__netkit_at "netkit"' -l install-completion -f -a 'bash zsh fish' -d 'Put that script where the shell finds it.'
complete -c netkit -n '__netkit_at "netkit"' -l help -s h -d 'Show this message and exit.'
complete -c netkit -n '__netkit_at "netkit resolve"' -l type -s t -x -a '(__fish_append , A NS CNAME SOA PTR MX TXT AAAA SRV NAPTR DNAME DS SSHFP DNSKEY TLSA SVCB HTTPS ANY CAA)' -d 'Record types: MX, MX,TXT, TYPE65; repeatable.'
complete -c netkit -n '__netkit_at "netkit resolve"' -l server -s s -x -d 'IP, HOST:PORT, or system; same as @SERVER.'
complete -c netkit -n '__netkit_at "netkit resolve"' -l dns -d 'Ask DNS alone, not the hosts file.'
complete -c netkit -n '__netkit_at "netkit resolve"' -l system -d 'Ask the system (getaddrinfo) instead.'
complete -c netkit -n '__netkit_at "netkit resolve"' -l tcp -d 'Ask over TCP from the start.'
complete -c netkit -n '__netkit_at "netkit resolve"' -l tries -x -d 'Ask a silent server so often.'
complete -c netkit -n '__netkit_at "netkit resolve"' -l timeout -x -d 'Give up after this long, all told.'
complete -c netkit -n '__netkit_at "netkit resolve"' -l short -d 'Print the data alone.'
complete -c netkit -n '__netkit_at "netkit resolve"' -l json -d 'Print JSON Lines, one object per result.'
complete -c netkit -n '__netkit_at "netkit resolve"' -l color -x -a 'auto always never' -d 'Colour: on a terminal, always, or never (also NO_COLOR).'
complete -c netkit -n '__netkit_at "netkit resolve"' -l quiet -s q -d 'Print results and errors alone.'
complete -c netkit -n '__netkit_at "netkit resolve"' -l trace -f -a 'text json hex' -d 'Show every socket-level step on stderr: --trace, --trace=json or --trace=hex.'
complete -c netkit -n '__netkit_at "netkit resolve"' -l help -s h -d 'Show this message and exit.'
complete -c netkit -n '__netkit_at "netkit fqdn"' -l all -d 'Ask every source, and whether they agree.'
complete -c netkit -n '__netkit_at "netkit fqdn"' -l server -s s -x -d 'DNS server: IP, HOST:PORT, or system.'
complete -c netkit -n '__netkit_at "netkit fqdn"' -l short-ok -d 'A name without a dot is good enough.'
complete -c netkit -n '__netkit_at "netkit fqdn"' -l timeout -x -d 'Give up after this long, all told.'
complete -c netkit -n '__netkit_at "netkit fqdn"' -l json -d 'Print JSON Lines, one object per result.'
complete -c netkit -n '__netkit_at "netkit fqdn"' -l color -x -a 'auto always never' -d 'Colour: on a terminal, always, or never (also NO_COLOR).'
complete -c netkit -n '__netkit_at "netkit fqdn"' -l quiet -s q -d 'Print results and errors alone.'
complete -c netkit -n '__netkit_at "netkit fqdn"' -l trace -f -a 'text json hex' -d 'Show every socket-level step on stderr: --trace, --trace=json or --trace=hex.'
complete -c netkit -n '__netkit_at "netkit fqdn"' -l help -s h -d 'Show this message and exit.'
complete -c netkit -n '__netkit_at "netkit http"' -a get -d 'Fetch URLs: body, facts of each hop, timing.'
complete -c netkit -n '__netkit_at "netkit http"' -a head -d 'Fetch the headers of URLs.'
complete -c netkit -n '__netkit_at "netkit http"' -l help -s h -d 'Show this message and exit.'
complete -c netkit -n '__netkit_at "netkit http get"' -l header -s H -x -d 'Send a header \'N: v\'; \'N:\' leaves one out. Repeatable.'
complete -c netkit -n '__netkit_at "netkit http get"' -l query -x -d 'Add K=V to the query, encoded. Repeatable.'
complete -c netkit -n '__netkit_at "netkit http get"' -l user-agent -s A -x -d 'Call yourself so.'
complete -c netkit -n '__netkit_at "netkit http get"' -l auth -s u -x -d 'Basic authentication as this user.'
complete -c netkit -n '__netkit_at "netkit http get"' -l password-cmd -x -d 'A command that prints the password.'
complete -c netkit -n '__netkit_at "netkit http get"' -l password-file -r -F -d 'A file with the password.'
complete -c netkit -n '__netkit_at "netkit http get"' -l password-fd -x -d 'A descriptor to read the password from.'
complete -c netkit -n '__netkit_at "netkit http get"' -l bearer-cmd -x -d 'A command that prints a bearer token.'
complete -c netkit -n '__netkit_at "netkit http get"' -l bearer-file -r -F -d 'A file with a bearer token.'
complete -c netkit -n '__netkit_at "netkit http get"' -l netrc -d 'Take user and password from ~/.netrc.'
complete -c netkit -n '__netkit_at "netkit http get"' -l max-redirects -x -d 'Follow so many.'
complete -c netkit -n '__netkit_at "netkit http get"' -l no-follow -d 'Follow none; a redirect is exit 1.'
complete -c netkit -n '__netkit_at "netkit http get"' -l allow-downgrade -d 'Follow https to http, too.'
complete -c netkit -n '__netkit_at "netkit http get"' -l http -x -a 'auto 1.0 1.1 2 3' -d 'The HTTP version.'
complete -c netkit -n '__netkit_at "netkit http get"' -s 4 -d 'IPv4 addresses alone.'
complete -c netkit -n '__netkit_at "netkit http get"' -s 6 -d 'IPv6 addresses alone.'
complete -c netkit -n '__netkit_at "netkit http get"' -l insecure -s k -d 'Do not check the certificate.'
complete -c netkit -n '__netkit_at "netkit http get"' -l cacert -r -F -d 'Trust the authorities in this file.'
complete -c netkit -n '__netkit_at "netkit http get"' -l timeout -x -d 'Give up after this long, all told. [default: 30s; 1h with -o]'
complete -c netkit -n '__netkit_at "netkit http get"' -l connect-timeout -x -d 'Give up connecting after this long.'
complete -c netkit -n '__netkit_at "netkit http get"' -l output -s o -r -F -d 'Save the body of a 2xx reply: whole, or not at all.'
complete -c netkit -n '__netkit_at "netkit http get"' -l show -x -d 'Show these: headers,body,timing,tls,request.'
complete -c netkit -n '__netkit_at "netkit http get"' -l max-body -x -d 'Show so much of a body, also in --json.'
complete -c netkit -n '__netkit_at "netkit http get"' -l json -d 'Print JSON Lines, one object per result.'
complete -c netkit -n '__netkit_at "netkit http get"' -l color -x -a 'auto always never' -d 'Colour: on a terminal, always, or never (also NO_COLOR).'
complete -c netkit -n '__netkit_at "netkit http get"' -l quiet -s q -d 'Print results and errors alone.'
complete -c netkit -n '__netkit_at "netkit http get"' -l trace -f -a 'text json hex' -d 'Show every socket-level step on stderr: --trace, --trace=json or --trace=hex.'
complete -c netkit -n '__netkit_at "netkit http get"' -l help -s h -d 'Show this message and exit.'
complete -c netkit -n '__netkit_at "netkit http head"' -l header -s H -x -d 'Send a header \'N: v\'; \'N:\' leaves one out. Repeatable.'
complete -c netkit -n '__netkit_at "netkit http head"' -l query -x -d 'Add K=V to the query, encoded. Repeatable.'
complete -c netkit -n '__netkit_at "netkit http head"' -l user-agent -s A -x -d 'Call yourself so.'
complete -c netkit -n '__netkit_at "netkit http head"' -l auth -s u -x -d 'Basic authentication as this user.'
complete -c netkit -n '__netkit_at "netkit http head"' -l password-cmd -x -d 'A command that prints the password.'
complete -c netkit -n '__netkit_at "netkit http head"' -l password-file -r -F -d 'A file with the password.'
complete -c netkit -n '__netkit_at "netkit http head"' -l password-fd -x -d 'A descriptor to read the password from.'
complete -c netkit -n '__netkit_at "netkit http head"' -l bearer-cmd -x -d 'A command that prints a bearer token.'
complete -c netkit -n '__netkit_at "netkit http head"' -l bearer-file -r -F -d 'A file with a bearer token.'
complete -c netkit -n '__netkit_at "netkit http head"' -l netrc -d 'Take user and password from ~/.netrc.'
complete -c netkit -n '__netkit_at "netkit http head"' -l max-redirects -x -d 'Follow so many.'
complete -c netkit -n '__netkit_at "netkit http head"' -l no-follow -d 'Follow none; a redirect is exit 1.'
complete -c netkit -n '__netkit_at "netkit http head"' -l allow-downgrade -d 'Follow https to http, too.'
complete -c netkit -n '__netkit_at "netkit http head"' -l http -x -a 'auto 1.0 1.1 2 3' -d 'The HTTP version.'
complete -c netkit -n '__netkit_at "netkit http head"' -s 4 -d 'IPv4 addresses alone.'
complete -c netkit -n '__netkit_at "netkit http head"' -s 6 -d 'IPv6 addresses alone.'
complete -c netkit -n '__netkit_at "netkit http head"' -l insecure -s k -d 'Do not check the certificate.'
complete -c netkit -n '__netkit_at "netkit http head"' -l cacert -r -F -d 'Trust the authorities in this file.'
complete -c netkit -n '__netkit_at "netkit http head"' -l timeout -x -d 'Give up after this long, all told. [default: 30s; 1h with -o]'
complete -c netkit -n '__netkit_at "netkit http head"' -l connect-timeout -x -d 'Give up connecting after this long.'
complete -c netkit -n '__netkit_at "netkit http head"' -l show -x -d 'Show these: headers,body,timing,tls,request.'
complete -c netkit -n '__netkit_at "netkit http head"' -l json -d 'Print JSON Lines, one object per result.'
complete -c netkit -n '__netkit_at "netkit http head"' -l color -x -a 'auto always never' -d 'Colour: on a terminal, always, or never (also NO_COLOR).'
complete -c netkit -n '__netkit_at "netkit http head"' -l quiet -s q -d 'Print results and errors alone.'
complete -c netkit -n '__netkit_at "netkit http head"' -l trace -f -a 'text json hex' -d 'Show every socket-level step on stderr: --trace, --trace=json or --trace=hex.'
complete -c netkit -n '__netkit_at "netkit http head"' -l help -s h -d 'Show this message and exit.'
complete -c netkit -n '__netkit_at "netkit lab"' -l bind -s b -x -d 'Listen on this address; repeatable.'
complete -c netkit -n '__netkit_at "netkit lab"' -l port -s p -x -d 'Listen on this port; repeatable. A bare 0: free ones for every service.'
complete -c netkit -n '__netkit_at "netkit lab"' -l zone -r -F -d 'Serve this zone file as well; repeatable.'
complete -c netkit -n '__netkit_at "netkit lab"' -l ready-fd -x -d 'Write the addresses to this descriptor.'
complete -c netkit -n '__netkit_at "netkit lab"' -l ready-file -r -F -d 'Write them to this file; it goes at the end.'
complete -c netkit -n '__netkit_at "netkit lab"' -l json -d 'Print JSON Lines, one object per result.'
complete -c netkit -n '__netkit_at "netkit lab"' -l color -x -a 'auto always never' -d 'Colour: on a terminal, always, or never (also NO_COLOR).'
complete -c netkit -n '__netkit_at "netkit lab"' -l quiet -s q -d 'Print results and errors alone.'
complete -c netkit -n '__netkit_at "netkit lab"' -l trace -f -a 'text json hex' -d 'Show every socket-level step on stderr: --trace, --trace=json or --trace=hex.'
complete -c netkit -n '__netkit_at "netkit lab"' -l help -s h -d 'Show this message and exit.'
complete -c netkit -n '__netkit_at "netkit lab --"' -a '(__netkit_command)'
complete -c netkit -n '__netkit_at "netkit tour"' -l step -x -d 'Run this step alone; repeatable.'
complete -c netkit -n '__netkit_at "netkit tour"' -l list -d 'List the steps and run none.'
complete -c netkit -n '__netkit_at "netkit tour"' -l json -d 'Print JSON Lines, one object per result.'
complete -c netkit -n '__netkit_at "netkit tour"' -l color -x -a 'auto always never' -d 'Colour: on a terminal, always, or never (also NO_COLOR).'
complete -c netkit -n '__netkit_at "netkit tour"' -l quiet -s q -d 'Print results and errors alone.'
complete -c netkit -n '__netkit_at "netkit tour"' -l trace -f -a 'text json hex' -d 'Show every socket-level step on stderr: --trace, --trace=json or --trace=hex.'
complete -c netkit -n '__netkit_at "netkit tour"' -l help -s h -d 'Show this message and exit.'
