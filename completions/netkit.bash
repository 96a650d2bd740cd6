# bash completion of netkit; made by python -m netkit.cli.completions

# Offer those of the words $2 that go on from what is typed; $1 stands before each.
_netkit_words() {
    local word IFS=$' \t\n'
    for word in $2; do
        if [[ $word == "$cur"* ]]; then COMPREPLY+=("$1$word"); fi
    done
}

# The same for a list with commas between: the last word of it is at the cursor.
_netkit_list() {
    local before=
    case $cur in *,*) before=${cur%,*}, cur=${cur##*,} ;; esac
    compopt -o nospace 2>/dev/null || :
    _netkit_words "$glued$before" "$1"
}

# What `compgen $1` finds: -f files, -d directories, -c commands.
_netkit_generated() {
    local word
    while IFS= read -r word; do COMPREPLY+=("$glued$word"); done < <(compgen "$1" -- "$cur")
}

# Readline's own completion of files ($2: default or dirnames) quotes what needs it; bash 3.2 cannot ask for it here.
_netkit_files() {
    if [[ -z $glued ]] && compopt -o "$2" 2>/dev/null; then return 0; fi
    compopt -o filenames 2>/dev/null || :
    _netkit_generated "$1"
}

# A command of the user's from word $1 on: by its own completion where bash-completion can find it.
_netkit_command() {
    if declare -F _comp_command_offset >/dev/null; then _comp_command_offset "$1"
    elif declare -F _command_offset >/dev/null; then _command_offset "$1"
    elif (($1 == COMP_CWORD)) && [[ $cur != */* ]]; then _netkit_generated -c
    else _netkit_files -f default
    fi
}

_netkit() {
    local cur=${COMP_WORDS[COMP_CWORD]-} prev=${COMP_WORDS[COMP_CWORD - 1]-}
    local at=netkit word i=1 after=0 equals=0 glued= flags= words=
    COMPREPLY=()
    if [[ $cur == "=" ]]; then
        cur= equals=1
    elif [[ $prev == "=" ]] && ((COMP_CWORD > 1)); then
        prev=${COMP_WORDS[COMP_CWORD - 2]-} equals=1
    elif [[ $cur == --*=* ]]; then
        prev=${cur%%=*} glued=${cur%%=*}= cur=${cur#*=} equals=1
    fi
    while ((i < COMP_CWORD)); do
        word=${COMP_WORDS[i]-}
        i=$((i + 1))
        if [[ $word == "--" ]]; then after=$i; break; fi
        if [[ ${COMP_WORDS[i]-} == "=" ]]; then i=$((i + 2)); continue; fi
        case "$at:$word" in
        "netkit resolve:--type"|"netkit resolve:-t"|"netkit resolve:--class"|"netkit resolve:--server"|"netkit resolve:-s"|"netkit resolve:--source"|"netkit resolve:--tries"|"netkit resolve:--cacert"|"netkit resolve:--ecs"|"netkit resolve:--pad"|"netkit resolve:--bufsize"|"netkit resolve:--tsig-file"|"netkit resolve:--root-hints"|"netkit resolve:--port"|"netkit resolve:--trust-anchor"|"netkit resolve:--input"|"netkit resolve:-i"|"netkit resolve:--concurrency"|"netkit resolve:--rate"|"netkit resolve:--jobs"|"netkit resolve:--only"|"netkit resolve:--except"|"netkit resolve:--confirm"|"netkit resolve:--fail-on"|"netkit resolve:--timeout"|"netkit resolve:--fields"|"netkit resolve:--color"|"netkit fqdn:--server"|"netkit fqdn:-s"|"netkit fqdn:--input"|"netkit fqdn:-i"|"netkit fqdn:--concurrency"|"netkit fqdn:--rate"|"netkit fqdn:--jobs"|"netkit fqdn:--only"|"netkit fqdn:--except"|"netkit fqdn:--confirm"|"netkit fqdn:--fail-on"|"netkit fqdn:--cacert"|"netkit fqdn:--timeout"|"netkit fqdn:--color"|"netkit echo-server:--bind"|"netkit echo-server:-b"|"netkit echo-server:--port"|"netkit echo-server:-p"|"netkit echo-server:--unix"|"netkit echo-server:--workers"|"netkit echo-server:--metrics"|"netkit echo-server:--tls-cert"|"netkit echo-server:--tls-key"|"netkit echo-server:--tls-write-cert"|"netkit echo-server:--max-conns"|"netkit echo-server:--per-host"|"netkit echo-server:--idle"|"netkit echo-server:--rate"|"netkit echo-server:--delay"|"netkit echo-server:--drop"|"netkit echo-server:--duplicate"|"netkit echo-server:--reorder"|"netkit echo-server:--corrupt"|"netkit echo-server:--reset-after"|"netkit echo-server:--seed"|"netkit echo-server:--count"|"netkit echo-server:--duration"|"netkit echo-server:--ready-fd"|"netkit echo-server:--ready-file"|"netkit echo-server:--color"|"netkit echo-client:--cacert"|"netkit echo-client:--server-name"|"netkit echo-client:--count"|"netkit echo-client:-n"|"netkit echo-client:--duration"|"netkit echo-client:--interval"|"netkit echo-client:-i"|"netkit echo-client:--rate"|"netkit echo-client:--size"|"netkit echo-client:--pattern"|"netkit echo-client:--parallel"|"netkit echo-client:--file"|"netkit echo-client:-f"|"netkit echo-client:--wait"|"netkit echo-client:--timeout"|"netkit echo-client:--max-loss"|"netkit echo-client:--max-rtt"|"netkit echo-client:--color"|"netkit hello-server:--file"|"netkit hello-server:-f"|"netkit hello-server:--bind"|"netkit hello-server:-b"|"netkit hello-server:--port"|"netkit hello-server:-p"|"netkit hello-server:--unix"|"netkit hello-server:--tls-cert"|"netkit hello-server:--tls-key"|"netkit hello-server:--tls-write-cert"|"netkit hello-server:--max-conns"|"netkit hello-server:--per-host"|"netkit hello-server:--rate"|"netkit hello-server:--delay"|"netkit hello-server:--partial"|"netkit hello-server:--count"|"netkit hello-server:--duration"|"netkit hello-server:--ready-fd"|"netkit hello-server:--ready-file"|"netkit hello-server:--color"|"netkit watch:--listen"|"netkit watch:-l"|"netkit watch:--until"|"netkit watch:--timeout"|"netkit watch:--connect-timeout"|"netkit watch:--stdin"|"netkit watch:--max-lines"|"netkit watch:--max-conns"|"netkit watch:--pcap"|"netkit watch:--cacert"|"netkit watch:--server-name"|"netkit watch:--tls-cert"|"netkit watch:--tls-key"|"netkit watch:--color"|"netkit sockopt list:--color"|"netkit sockopt show:--interval"|"netkit sockopt show:-i"|"netkit sockopt show:--count"|"netkit sockopt show:-n"|"netkit sockopt show:--color"|"netkit sockopt get:--color"|"netkit sockopt set:--color"|"netkit sockopt diff:--color"|"netkit sockopt try:--timeout"|"netkit sockopt try:--color"|"netkit http get:--header"|"netkit http get:-H"|"netkit http get:--query"|"netkit http get:--user-agent"|"netkit http get:-A"|"netkit http get:--cookie"|"netkit http get:--cookie-jar"|"netkit http get:--range"|"netkit http get:--accept-encoding"|"netkit http get:--auth"|"netkit http get:-u"|"netkit http get:--password-cmd"|"netkit http get:--password-file"|"netkit http get:--password-fd"|"netkit http get:--bearer-cmd"|"netkit http get:--bearer-file"|"netkit http get:--netrc-file"|"netkit http get:--max-redirects"|"netkit http get:--http"|"netkit http get:--resolve"|"netkit http get:--connect-to"|"netkit http get:--dns-server"|"netkit http get:--unix-socket"|"netkit http get:--interface"|"netkit http get:--proxy"|"netkit http get:--proxy-password-cmd"|"netkit http get:--proxy-password-file"|"netkit http get:--no-proxy"|"netkit http get:--cacert"|"netkit http get:--pin"|"netkit http get:--cert"|"netkit http get:--key"|"netkit http get:--key-password-cmd"|"netkit http get:--key-password-file"|"netkit http get:--tls-min"|"netkit http get:--tls-max"|"netkit http get:--timeout"|"netkit http get:--connect-timeout"|"netkit http get:--stall-timeout"|"netkit http get:--expect-status"|"netkit http get:--expect-header"|"netkit http get:--slo"|"netkit http get:--retry"|"netkit http get:--retry-on"|"netkit http get:--retry-max-time"|"netkit http get:--expect-body"|"netkit http get:--output"|"netkit http get:-o"|"netkit http get:--dir"|"netkit http get:-d"|"netkit http get:--checksum"|"netkit http get:--max-size"|"netkit http get:--max-body"|"netkit http get:--show"|"netkit http get:--input"|"netkit http get:-i"|"netkit http get:--parallel"|"netkit http get:--count"|"netkit http get:-n"|"netkit http get:--interval"|"netkit http get:--color"|"netkit http head:--header"|"netkit http head:-H"|"netkit http head:--query"|"netkit http head:--user-agent"|"netkit http head:-A"|"netkit http head:--cookie"|"netkit http head:--cookie-jar"|"netkit http head:--range"|"netkit http head:--accept-encoding"|"netkit http head:--auth"|"netkit http head:-u"|"netkit http head:--password-cmd"|"netkit http head:--password-file"|"netkit http head:--password-fd"|"netkit http head:--bearer-cmd"|"netkit http head:--bearer-file"|"netkit http head:--netrc-file"|"netkit http head:--max-redirects"|"netkit http head:--http"|"netkit http head:--resolve"|"netkit http head:--connect-to"|"netkit http head:--dns-server"|"netkit http head:--unix-socket"|"netkit http head:--interface"|"netkit http head:--proxy"|"netkit http head:--proxy-password-cmd"|"netkit http head:--proxy-password-file"|"netkit http head:--no-proxy"|"netkit http head:--cacert"|"netkit http head:--pin"|"netkit http head:--cert"|"netkit http head:--key"|"netkit http head:--key-password-cmd"|"netkit http head:--key-password-file"|"netkit http head:--tls-min"|"netkit http head:--tls-max"|"netkit http head:--timeout"|"netkit http head:--connect-timeout"|"netkit http head:--stall-timeout"|"netkit http head:--expect-status"|"netkit http head:--expect-header"|"netkit http head:--slo"|"netkit http head:--retry"|"netkit http head:--retry-on"|"netkit http head:--retry-max-time"|"netkit http head:--show"|"netkit http head:--input"|"netkit http head:-i"|"netkit http head:--parallel"|"netkit http head:--count"|"netkit http head:-n"|"netkit http head:--interval"|"netkit http head:--color"|"netkit smtp send:--from"|"netkit smtp send:--to"|"netkit smtp send:--cc"|"netkit smtp send:--bcc"|"netkit smtp send:--subject"|"netkit smtp send:--text"|"netkit smtp send:--html"|"netkit smtp send:--attach"|"netkit smtp send:--inline"|"netkit smtp send:--header"|"netkit smtp send:-H"|"netkit smtp send:--raw"|"netkit smtp send:--bare-newline"|"netkit smtp send:--dkim-key"|"netkit smtp send:--dkim-selector"|"netkit smtp send:--envelope-from"|"netkit smtp send:--rcpt"|"netkit smtp send:--dsn"|"netkit smtp send:--ret"|"netkit smtp send:--envid"|"netkit smtp send:--mx-port"|"netkit smtp send:--dns"|"netkit smtp send:--helo"|"netkit smtp send:--user"|"netkit smtp send:--auth"|"netkit smtp send:--password-cmd"|"netkit smtp send:--password-file"|"netkit smtp send:--password-fd"|"netkit smtp send:--token-cmd"|"netkit smtp send:--token-file"|"netkit smtp send:--tls"|"netkit smtp send:--cacert"|"netkit smtp send:--partial"|"netkit smtp send:--stop-after"|"netkit smtp send:--drop-after"|"netkit smtp send:--count"|"netkit smtp send:-n"|"netkit smtp send:--rate"|"netkit smtp send:--retry"|"netkit smtp send:--timeout"|"netkit smtp send:--color"|"netkit smtp check:--rcpt"|"netkit smtp check:--from"|"netkit smtp check:--patience"|"netkit smtp check:--tls"|"netkit smtp check:--cacert"|"netkit smtp check:--helo"|"netkit smtp check:--dns"|"netkit smtp check:--mx-port"|"netkit smtp check:--policy-port"|"netkit smtp check:--fail-on"|"netkit smtp check:--timeout"|"netkit smtp check:--color"|"netkit pop3 subjects:--last"|"netkit pop3 subjects:--first"|"netkit pop3 subjects:--range"|"netkit pop3 subjects:--uid"|"netkit pop3 subjects:--since"|"netkit pop3 subjects:--grep"|"netkit pop3 subjects:--user"|"netkit pop3 subjects:--auth"|"netkit pop3 subjects:--password-cmd"|"netkit pop3 subjects:--password-file"|"netkit pop3 subjects:--password-fd"|"netkit pop3 subjects:--token-cmd"|"netkit pop3 subjects:--token-file"|"netkit pop3 subjects:--tls"|"netkit pop3 subjects:--cacert"|"netkit pop3 subjects:--via"|"netkit pop3 subjects:--window"|"netkit pop3 subjects:--follow"|"netkit pop3 subjects:--timeout"|"netkit pop3 subjects:--fields"|"netkit pop3 subjects:--color"|"netkit pop3 stat:--user"|"netkit pop3 stat:--auth"|"netkit pop3 stat:--password-cmd"|"netkit pop3 stat:--password-file"|"netkit pop3 stat:--password-fd"|"netkit pop3 stat:--token-cmd"|"netkit pop3 stat:--token-file"|"netkit pop3 stat:--tls"|"netkit pop3 stat:--cacert"|"netkit pop3 stat:--timeout"|"netkit pop3 stat:--color"|"netkit pop3 list:--last"|"netkit pop3 list:--first"|"netkit pop3 list:--range"|"netkit pop3 list:--uid"|"netkit pop3 list:--user"|"netkit pop3 list:--auth"|"netkit pop3 list:--password-cmd"|"netkit pop3 list:--password-file"|"netkit pop3 list:--password-fd"|"netkit pop3 list:--token-cmd"|"netkit pop3 list:--token-file"|"netkit pop3 list:--tls"|"netkit pop3 list:--cacert"|"netkit pop3 list:--timeout"|"netkit pop3 list:--color"|"netkit pop3 get:--last"|"netkit pop3 get:--first"|"netkit pop3 get:--range"|"netkit pop3 get:--uid"|"netkit pop3 get:--user"|"netkit pop3 get:--auth"|"netkit pop3 get:--password-cmd"|"netkit pop3 get:--password-file"|"netkit pop3 get:--password-fd"|"netkit pop3 get:--token-cmd"|"netkit pop3 get:--token-file"|"netkit pop3 get:--tls"|"netkit pop3 get:--cacert"|"netkit pop3 get:--timeout"|"netkit pop3 get:--output"|"netkit pop3 get:-o"|"netkit pop3 get:--color"|"netkit pop3 save:--last"|"netkit pop3 save:--first"|"netkit pop3 save:--range"|"netkit pop3 save:--uid"|"netkit pop3 save:--maildir"|"netkit pop3 save:--mbox"|"netkit pop3 save:--user"|"netkit pop3 save:--auth"|"netkit pop3 save:--password-cmd"|"netkit pop3 save:--password-file"|"netkit pop3 save:--password-fd"|"netkit pop3 save:--token-cmd"|"netkit pop3 save:--token-file"|"netkit pop3 save:--tls"|"netkit pop3 save:--cacert"|"netkit pop3 save:--window"|"netkit pop3 save:--timeout"|"netkit pop3 save:--color"|"netkit pop3 delete:--uid"|"netkit pop3 delete:--user"|"netkit pop3 delete:--auth"|"netkit pop3 delete:--password-cmd"|"netkit pop3 delete:--password-file"|"netkit pop3 delete:--password-fd"|"netkit pop3 delete:--token-cmd"|"netkit pop3 delete:--token-file"|"netkit pop3 delete:--tls"|"netkit pop3 delete:--cacert"|"netkit pop3 delete:--timeout"|"netkit pop3 delete:--color"|"netkit pop3 capa:--tls"|"netkit pop3 capa:--cacert"|"netkit pop3 capa:--timeout"|"netkit pop3 capa:--color"|"netkit chat serve:--bind"|"netkit chat serve:-b"|"netkit chat serve:--port"|"netkit chat serve:-p"|"netkit chat serve:--unix"|"netkit chat serve:--tls-cert"|"netkit chat serve:--tls-key"|"netkit chat serve:--metrics"|"netkit chat serve:--web"|"netkit chat serve:--web-origin"|"netkit chat serve:--notices"|"netkit chat serve:--history"|"netkit chat serve:--replay"|"netkit chat serve:--max-clients"|"netkit chat serve:--max-per-address"|"netkit chat serve:--max-line"|"netkit chat serve:--rate"|"netkit chat serve:--sendq"|"netkit chat serve:--slow"|"netkit chat serve:--idle"|"netkit chat serve:--flush"|"netkit chat serve:--password-file"|"netkit chat serve:--admin-password-file"|"netkit chat serve:--allow"|"netkit chat serve:--deny"|"netkit chat serve:--accept-rate"|"netkit chat serve:--proxy-protocol"|"netkit chat serve:--log"|"netkit chat serve:--duration"|"netkit chat serve:--bus"|"netkit chat serve:--bus-cacert"|"netkit chat serve:--bus-user"|"netkit chat serve:--bus-password-cmd"|"netkit chat serve:--bus-password-file"|"netkit chat serve:--bus-password-fd"|"netkit chat serve:--node"|"netkit chat serve:--ready-fd"|"netkit chat serve:--ready-file"|"netkit chat serve:--color"|"netkit chat join:--nick"|"netkit chat join:--room"|"netkit chat join:--password-cmd"|"netkit chat join:--password-file"|"netkit chat join:--password-fd"|"netkit chat join:--send"|"netkit chat join:--count"|"netkit chat join:-n"|"netkit chat join:--max-line"|"netkit chat join:--timeout"|"netkit chat join:--connect-timeout"|"netkit chat join:--cacert"|"netkit chat join:--server-name"|"netkit chat join:--color"|"netkit chat bench:--clients"|"netkit chat bench:--senders"|"netkit chat bench:--rate"|"netkit chat bench:--lines"|"netkit chat bench:--size"|"netkit chat bench:--duration"|"netkit chat bench:--warm-up"|"netkit chat bench:--wait"|"netkit chat bench:--timeout"|"netkit chat bench:--cacert"|"netkit chat bench:--server-name"|"netkit chat bench:--pid"|"netkit chat bench:--color"|"netkit lab:--bind"|"netkit lab:-b"|"netkit lab:--port"|"netkit lab:-p"|"netkit lab:--zone"|"netkit lab:--dir"|"netkit lab:--on"|"netkit lab:--delay"|"netkit lab:--drop"|"netkit lab:--ready-fd"|"netkit lab:--ready-file"|"netkit lab:--color"|"netkit lab seed:--to"|"netkit lab seed:--smtp"|"netkit lab seed:--timeout"|"netkit lab seed:--color"|"netkit lab wait:--to"|"netkit lab wait:--subject"|"netkit lab wait:--http"|"netkit lab wait:--timeout"|"netkit lab wait:--color"|"netkit tour:--step"|"netkit tour:--color")
            if ((i == COMP_CWORD - 1)); then prev=; fi # that word is a value, whatever it looks like
            i=$((i + 1))
            ;;
        esac
        case "$at $word" in
        "netkit resolve"|"netkit fqdn"|"netkit echo-server"|"netkit echo-client"|"netkit hello-server"|"netkit watch"|"netkit sockopt"|"netkit sockopt list"|"netkit sockopt show"|"netkit sockopt get"|"netkit sockopt set"|"netkit sockopt diff"|"netkit sockopt try"|"netkit http"|"netkit http get"|"netkit http head"|"netkit smtp"|"netkit smtp send"|"netkit smtp check"|"netkit pop3"|"netkit pop3 subjects"|"netkit pop3 stat"|"netkit pop3 list"|"netkit pop3 get"|"netkit pop3 save"|"netkit pop3 delete"|"netkit pop3 capa"|"netkit chat"|"netkit chat serve"|"netkit chat join"|"netkit chat bench"|"netkit lab"|"netkit lab seed"|"netkit lab wait"|"netkit tour") at+=" $word" ;;
        esac
    done
    case $prev in
    "<" | ">" | ">>" | "2>" | "2>>" | "&>" | ">|") _netkit_files -f default; return 0 ;;
    esac
    if ((after)); then
        case $at in
        "netkit watch"|"netkit lab") _netkit_command "$after" ;;
        esac
        return 0
    fi
    case "$at:$prev" in
    "netkit:--show-completion") if ((equals)); then _netkit_words "$glued" "bash zsh fish"; return 0; fi ;;
    "netkit:--install-completion") if ((equals)); then _netkit_words "$glued" "bash zsh fish"; return 0; fi ;;
    "netkit resolve:--type"|"netkit resolve:-t") _netkit_list "A NS CNAME SOA PTR MX TXT AAAA SRV NAPTR DNAME DS SSHFP DNSKEY TLSA SVCB HTTPS ANY CAA"; return 0 ;;
    "netkit resolve:--class") _netkit_words "$glued" "IN CH HS ANY"; return 0 ;;
    "netkit resolve:--server"|"netkit resolve:-s") return 0 ;;
    "netkit resolve:--source") return 0 ;;
    "netkit resolve:--tries") return 0 ;;
    "netkit resolve:--cacert") _netkit_files -f default; return 0 ;;
    "netkit resolve:--ecs") return 0 ;;
    "netkit resolve:--pad") return 0 ;;
    "netkit resolve:--bufsize") return 0 ;;
    "netkit resolve:--tsig-file") _netkit_files -f default; return 0 ;;
    "netkit resolve:--root-hints") _netkit_files -f default; return 0 ;;
    "netkit resolve:--port") return 0 ;;
    "netkit resolve:--trust-anchor") _netkit_files -f default; return 0 ;;
    "netkit resolve:--input"|"netkit resolve:-i") _netkit_files -f default; return 0 ;;
    "netkit resolve:--concurrency") return 0 ;;
    "netkit resolve:--rate") return 0 ;;
    "netkit resolve:--jobs") return 0 ;;
    "netkit resolve:--only") _netkit_list "no answer nodata nxdomain dangling_cname cname_loop lame servfail refused rcode truncated malformed mismatch timeout unreachable tls badname notauth bogus interrupted indeterminate"; return 0 ;;
    "netkit resolve:--except") _netkit_list "no answer nodata nxdomain dangling_cname cname_loop lame servfail refused rcode truncated malformed mismatch timeout unreachable tls badname notauth bogus interrupted indeterminate"; return 0 ;;
    "netkit resolve:--confirm") return 0 ;;
    "netkit resolve:--fail-on") _netkit_list "failed no never answer nodata nxdomain dangling_cname cname_loop lame servfail refused rcode truncated malformed mismatch timeout unreachable tls badname notauth bogus interrupted indeterminate"; return 0 ;;
    "netkit resolve:--timeout") return 0 ;;
    "netkit resolve:--fields") _netkit_list "name type class ttl data time input display outcome exit_code source rcode canonical server transport elapsed_ms tries flags size rejected notes ede edns nsid ecs cookie tsig dnssec error"; return 0 ;;
    "netkit resolve:--color") _netkit_words "$glued" "auto always never"; return 0 ;;
    "netkit resolve:--trace") if ((equals)); then _netkit_words "$glued" "text json hex"; return 0; fi ;;
    "netkit fqdn:--server"|"netkit fqdn:-s") return 0 ;;
    "netkit fqdn:--input"|"netkit fqdn:-i") _netkit_files -f default; return 0 ;;
    "netkit fqdn:--concurrency") return 0 ;;
    "netkit fqdn:--rate") return 0 ;;
    "netkit fqdn:--jobs") return 0 ;;
    "netkit fqdn:--only") return 0 ;;
    "netkit fqdn:--except") return 0 ;;
    "netkit fqdn:--confirm") return 0 ;;
    "netkit fqdn:--fail-on") return 0 ;;
    "netkit fqdn:--cacert") _netkit_files -f default; return 0 ;;
    "netkit fqdn:--timeout") return 0 ;;
    "netkit fqdn:--color") _netkit_words "$glued" "auto always never"; return 0 ;;
    "netkit fqdn:--trace") if ((equals)); then _netkit_words "$glued" "text json hex"; return 0; fi ;;
    "netkit echo-server:--bind"|"netkit echo-server:-b") return 0 ;;
    "netkit echo-server:--port"|"netkit echo-server:-p") return 0 ;;
    "netkit echo-server:--unix") _netkit_files -f default; return 0 ;;
    "netkit echo-server:--workers") return 0 ;;
    "netkit echo-server:--metrics") return 0 ;;
    "netkit echo-server:--tls-cert") _netkit_files -f default; return 0 ;;
    "netkit echo-server:--tls-key") _netkit_files -f default; return 0 ;;
    "netkit echo-server:--tls-write-cert") _netkit_files -f default; return 0 ;;
    "netkit echo-server:--max-conns") return 0 ;;
    "netkit echo-server:--per-host") return 0 ;;
    "netkit echo-server:--idle") return 0 ;;
    "netkit echo-server:--rate") return 0 ;;
    "netkit echo-server:--delay") return 0 ;;
    "netkit echo-server:--drop") return 0 ;;
    "netkit echo-server:--duplicate") return 0 ;;
    "netkit echo-server:--reorder") return 0 ;;
    "netkit echo-server:--corrupt") return 0 ;;
    "netkit echo-server:--reset-after") return 0 ;;
    "netkit echo-server:--seed") return 0 ;;
    "netkit echo-server:--count") return 0 ;;
    "netkit echo-server:--duration") return 0 ;;
    "netkit echo-server:--ready-fd") return 0 ;;
    "netkit echo-server:--ready-file") _netkit_files -f default; return 0 ;;
    "netkit echo-server:--color") _netkit_words "$glued" "auto always never"; return 0 ;;
    "netkit echo-server:--trace") if ((equals)); then _netkit_words "$glued" "text json hex"; return 0; fi ;;
    "netkit echo-client:--cacert") _netkit_files -f default; return 0 ;;
    "netkit echo-client:--server-name") return 0 ;;
    "netkit echo-client:--count"|"netkit echo-client:-n") return 0 ;;
    "netkit echo-client:--duration") return 0 ;;
    "netkit echo-client:--interval"|"netkit echo-client:-i") return 0 ;;
    "netkit echo-client:--rate") return 0 ;;
    "netkit echo-client:--size") return 0 ;;
    "netkit echo-client:--pattern") _netkit_words "$glued" "random seq text"; return 0 ;;
    "netkit echo-client:--parallel") return 0 ;;
    "netkit echo-client:--file"|"netkit echo-client:-f") _netkit_files -f default; return 0 ;;
    "netkit echo-client:--wait") return 0 ;;
    "netkit echo-client:--timeout") return 0 ;;
    "netkit echo-client:--max-loss") return 0 ;;
    "netkit echo-client:--max-rtt") return 0 ;;
    "netkit echo-client:--color") _netkit_words "$glued" "auto always never"; return 0 ;;
    "netkit echo-client:--trace") if ((equals)); then _netkit_words "$glued" "text json hex"; return 0; fi ;;
    "netkit hello-server:--file"|"netkit hello-server:-f") _netkit_files -f default; return 0 ;;
    "netkit hello-server:--bind"|"netkit hello-server:-b") return 0 ;;
    "netkit hello-server:--port"|"netkit hello-server:-p") return 0 ;;
    "netkit hello-server:--unix") _netkit_files -f default; return 0 ;;
    "netkit hello-server:--tls-cert") _netkit_files -f default; return 0 ;;
    "netkit hello-server:--tls-key") _netkit_files -f default; return 0 ;;
    "netkit hello-server:--tls-write-cert") _netkit_files -f default; return 0 ;;
    "netkit hello-server:--max-conns") return 0 ;;
    "netkit hello-server:--per-host") return 0 ;;
    "netkit hello-server:--rate") return 0 ;;
    "netkit hello-server:--delay") return 0 ;;
    "netkit hello-server:--partial") return 0 ;;
    "netkit hello-server:--count") return 0 ;;
    "netkit hello-server:--duration") return 0 ;;
    "netkit hello-server:--ready-fd") return 0 ;;
    "netkit hello-server:--ready-file") _netkit_files -f default; return 0 ;;
    "netkit hello-server:--color") _netkit_words "$glued" "auto always never"; return 0 ;;
    "netkit hello-server:--trace") if ((equals)); then _netkit_words "$glued" "text json hex"; return 0; fi ;;
    "netkit watch:--listen"|"netkit watch:-l") return 0 ;;
    "netkit watch:--until") return 0 ;;
    "netkit watch:--timeout") return 0 ;;
    "netkit watch:--connect-timeout") return 0 ;;
    "netkit watch:--stdin") return 0 ;;
    "netkit watch:--max-lines") return 0 ;;
    "netkit watch:--max-conns") return 0 ;;
    "netkit watch:--pcap") _netkit_files -f default; return 0 ;;
    "netkit watch:--cacert") _netkit_files -f default; return 0 ;;
    "netkit watch:--server-name") return 0 ;;
    "netkit watch:--tls-cert") _netkit_files -f default; return 0 ;;
    "netkit watch:--tls-key") _netkit_files -f default; return 0 ;;
    "netkit watch:--color") _netkit_words "$glued" "auto always never"; return 0 ;;
    "netkit watch:--trace") if ((equals)); then _netkit_words "$glued" "text json hex"; return 0; fi ;;
    "netkit sockopt list:--color") _netkit_words "$glued" "auto always never"; return 0 ;;
    "netkit sockopt list:--trace") if ((equals)); then _netkit_words "$glued" "text json hex"; return 0; fi ;;
    "netkit sockopt show:--interval"|"netkit sockopt show:-i") return 0 ;;
    "netkit sockopt show:--count"|"netkit sockopt show:-n") return 0 ;;
    "netkit sockopt show:--color") _netkit_words "$glued" "auto always never"; return 0 ;;
    "netkit sockopt show:--trace") if ((equals)); then _netkit_words "$glued" "text json hex"; return 0; fi ;;
    "netkit sockopt get:--color") _netkit_words "$glued" "auto always never"; return 0 ;;
    "netkit sockopt get:--trace") if ((equals)); then _netkit_words "$glued" "text json hex"; return 0; fi ;;
    "netkit sockopt set:--color") _netkit_words "$glued" "auto always never"; return 0 ;;
    "netkit sockopt set:--trace") if ((equals)); then _netkit_words "$glued" "text json hex"; return 0; fi ;;
    "netkit sockopt diff:--color") _netkit_words "$glued" "auto always never"; return 0 ;;
    "netkit sockopt diff:--trace") if ((equals)); then _netkit_words "$glued" "text json hex"; return 0; fi ;;
    "netkit sockopt try:--timeout") return 0 ;;
    "netkit sockopt try:--color") _netkit_words "$glued" "auto always never"; return 0 ;;
    "netkit sockopt try:--trace") if ((equals)); then _netkit_words "$glued" "text json hex"; return 0; fi ;;
    "netkit http get:--header"|"netkit http get:-H") return 0 ;;
    "netkit http get:--query") return 0 ;;
    "netkit http get:--user-agent"|"netkit http get:-A") return 0 ;;
    "netkit http get:--cookie") return 0 ;;
    "netkit http get:--cookie-jar") _netkit_files -f default; return 0 ;;
    "netkit http get:--range") return 0 ;;
    "netkit http get:--accept-encoding") return 0 ;;
    "netkit http get:--auth"|"netkit http get:-u") return 0 ;;
    "netkit http get:--password-cmd") return 0 ;;
    "netkit http get:--password-file") _netkit_files -f default; return 0 ;;
    "netkit http get:--password-fd") return 0 ;;
    "netkit http get:--bearer-cmd") return 0 ;;
    "netkit http get:--bearer-file") _netkit_files -f default; return 0 ;;
    "netkit http get:--netrc-file") _netkit_files -f default; return 0 ;;
    "netkit http get:--max-redirects") return 0 ;;
    "netkit http get:--http") _netkit_words "$glued" "auto 1.0 1.1 2 3"; return 0 ;;
    "netkit http get:--resolve") return 0 ;;
    "netkit http get:--connect-to") return 0 ;;
    "netkit http get:--dns-server") return 0 ;;
    "netkit http get:--unix-socket") _netkit_files -f default; return 0 ;;
    "netkit http get:--interface") return 0 ;;
    "netkit http get:--proxy") return 0 ;;
    "netkit http get:--proxy-password-cmd") return 0 ;;
    "netkit http get:--proxy-password-file") _netkit_files -f default; return 0 ;;
    "netkit http get:--no-proxy") return 0 ;;
    "netkit http get:--cacert") _netkit_files -f default; return 0 ;;
    "netkit http get:--pin") return 0 ;;
    "netkit http get:--cert") _netkit_files -f default; return 0 ;;
    "netkit http get:--key") _netkit_files -f default; return 0 ;;
    "netkit http get:--key-password-cmd") return 0 ;;
    "netkit http get:--key-password-file") _netkit_files -f default; return 0 ;;
    "netkit http get:--tls-min") _netkit_words "$glued" "1.0 1.1 1.2 1.3"; return 0 ;;
    "netkit http get:--tls-max") _netkit_words "$glued" "1.0 1.1 1.2 1.3"; return 0 ;;
    "netkit http get:--timeout") return 0 ;;
    "netkit http get:--connect-timeout") return 0 ;;
    "netkit http get:--stall-timeout") return 0 ;;
    "netkit http get:--expect-status") return 0 ;;
    "netkit http get:--expect-header") return 0 ;;
    "netkit http get:--slo") return 0 ;;
    "netkit http get:--retry") return 0 ;;
    "netkit http get:--retry-on") return 0 ;;
    "netkit http get:--retry-max-time") return 0 ;;
    "netkit http get:--expect-body") return 0 ;;
    "netkit http get:--output"|"netkit http get:-o") _netkit_files -f default; return 0 ;;
    "netkit http get:--dir"|"netkit http get:-d") _netkit_files -d dirnames; return 0 ;;
    "netkit http get:--checksum") return 0 ;;
    "netkit http get:--max-size") return 0 ;;
    "netkit http get:--max-body") return 0 ;;
    "netkit http get:--show") return 0 ;;
    "netkit http get:--input"|"netkit http get:-i") _netkit_files -f default; return 0 ;;
    "netkit http get:--parallel") return 0 ;;
    "netkit http get:--count"|"netkit http get:-n") return 0 ;;
    "netkit http get:--interval") return 0 ;;
    "netkit http get:--color") _netkit_words "$glued" "auto always never"; return 0 ;;
    "netkit http get:--trace") if ((equals)); then _netkit_words "$glued" "text json hex"; return 0; fi ;;
    "netkit http head:--header"|"netkit http head:-H") return 0 ;;
    "netkit http head:--query") return 0 ;;
    "netkit http head:--user-agent"|"netkit http head:-A") return 0 ;;
    "netkit http head:--cookie") return 0 ;;
    "netkit http head:--cookie-jar") _netkit_files -f default; return 0 ;;
    "netkit http head:--range") return 0 ;;
    "netkit http head:--accept-encoding") return 0 ;;
    "netkit http head:--auth"|"netkit http head:-u") return 0 ;;
    "netkit http head:--password-cmd") return 0 ;;
    "netkit http head:--password-file") _netkit_files -f default; return 0 ;;
    "netkit http head:--password-fd") return 0 ;;
    "netkit http head:--bearer-cmd") return 0 ;;
    "netkit http head:--bearer-file") _netkit_files -f default; return 0 ;;
    "netkit http head:--netrc-file") _netkit_files -f default; return 0 ;;
    "netkit http head:--max-redirects") return 0 ;;
    "netkit http head:--http") _netkit_words "$glued" "auto 1.0 1.1 2 3"; return 0 ;;
    "netkit http head:--resolve") return 0 ;;
    "netkit http head:--connect-to") return 0 ;;
    "netkit http head:--dns-server") return 0 ;;
    "netkit http head:--unix-socket") _netkit_files -f default; return 0 ;;
    "netkit http head:--interface") return 0 ;;
    "netkit http head:--proxy") return 0 ;;
    "netkit http head:--proxy-password-cmd") return 0 ;;
    "netkit http head:--proxy-password-file") _netkit_files -f default; return 0 ;;
    "netkit http head:--no-proxy") return 0 ;;
    "netkit http head:--cacert") _netkit_files -f default; return 0 ;;
    "netkit http head:--pin") return 0 ;;
    "netkit http head:--cert") _netkit_files -f default; return 0 ;;
    "netkit http head:--key") _netkit_files -f default; return 0 ;;
    "netkit http head:--key-password-cmd") return 0 ;;
    "netkit http head:--key-password-file") _netkit_files -f default; return 0 ;;
    "netkit http head:--tls-min") _netkit_words "$glued" "1.0 1.1 1.2 1.3"; return 0 ;;
    "netkit http head:--tls-max") _netkit_words "$glued" "1.0 1.1 1.2 1.3"; return 0 ;;
    "netkit http head:--timeout") return 0 ;;
    "netkit http head:--connect-timeout") return 0 ;;
    "netkit http head:--stall-timeout") return 0 ;;
    "netkit http head:--expect-status") return 0 ;;
    "netkit http head:--expect-header") return 0 ;;
    "netkit http head:--slo") return 0 ;;
    "netkit http head:--retry") return 0 ;;
    "netkit http head:--retry-on") return 0 ;;
    "netkit http head:--retry-max-time") return 0 ;;
    "netkit http head:--show") return 0 ;;
    "netkit http head:--input"|"netkit http head:-i") _netkit_files -f default; return 0 ;;
    "netkit http head:--parallel") return 0 ;;
    "netkit http head:--count"|"netkit http head:-n") return 0 ;;
    "netkit http head:--interval") return 0 ;;
    "netkit http head:--color") _netkit_words "$glued" "auto always never"; return 0 ;;
    "netkit http head:--trace") if ((equals)); then _netkit_words "$glued" "text json hex"; return 0; fi ;;
    "netkit smtp send:--from") return 0 ;;
    "netkit smtp send:--to") return 0 ;;
    "netkit smtp send:--cc") return 0 ;;
    "netkit smtp send:--bcc") return 0 ;;
    "netkit smtp send:--subject") return 0 ;;
    "netkit smtp send:--text") return 0 ;;
    "netkit smtp send:--html") return 0 ;;
    "netkit smtp send:--attach") return 0 ;;
    "netkit smtp send:--inline") return 0 ;;
    "netkit smtp send:--header"|"netkit smtp send:-H") return 0 ;;
    "netkit smtp send:--raw") _netkit_files -f default; return 0 ;;
    "netkit smtp send:--bare-newline") _netkit_words "$glued" "fix reject send"; return 0 ;;
    "netkit smtp send:--dkim-key") _netkit_files -f default; return 0 ;;
    "netkit smtp send:--dkim-selector") return 0 ;;
    "netkit smtp send:--envelope-from") return 0 ;;
    "netkit smtp send:--rcpt") return 0 ;;
    "netkit smtp send:--dsn") return 0 ;;
    "netkit smtp send:--ret") _netkit_words "$glued" "full hdrs"; return 0 ;;
    "netkit smtp send:--envid") return 0 ;;
    "netkit smtp send:--mx-port") return 0 ;;
    "netkit smtp send:--dns") return 0 ;;
    "netkit smtp send:--helo") return 0 ;;
    "netkit smtp send:--user") return 0 ;;
    "netkit smtp send:--auth") _netkit_words "$glued" "scram-sha-256 scram-sha-1 cram-md5 plain login oauthbearer xoauth2"; return 0 ;;
    "netkit smtp send:--password-cmd") return 0 ;;
    "netkit smtp send:--password-file") _netkit_files -f default; return 0 ;;
    "netkit smtp send:--password-fd") return 0 ;;
    "netkit smtp send:--token-cmd") return 0 ;;
    "netkit smtp send:--token-file") _netkit_files -f default; return 0 ;;
    "netkit smtp send:--tls") _netkit_words "$glued" "auto starttls implicit none"; return 0 ;;
    "netkit smtp send:--cacert") _netkit_files -f default; return 0 ;;
    "netkit smtp send:--partial") _netkit_words "$glued" "send abort"; return 0 ;;
    "netkit smtp send:--stop-after") _netkit_words "$glued" "banner ehlo tls auth mail rcpt data"; return 0 ;;
    "netkit smtp send:--drop-after") _netkit_words "$glued" "banner ehlo tls auth mail rcpt data"; return 0 ;;
    "netkit smtp send:--count"|"netkit smtp send:-n") return 0 ;;
    "netkit smtp send:--rate") return 0 ;;
    "netkit smtp send:--retry") return 0 ;;
    "netkit smtp send:--timeout") return 0 ;;
    "netkit smtp send:--color") _netkit_words "$glued" "auto always never"; return 0 ;;
    "netkit smtp send:--trace") if ((equals)); then _netkit_words "$glued" "text json hex"; return 0; fi ;;
    "netkit smtp check:--rcpt") return 0 ;;
    "netkit smtp check:--from") return 0 ;;
    "netkit smtp check:--patience") return 0 ;;
    "netkit smtp check:--tls") _netkit_words "$glued" "auto starttls implicit none"; return 0 ;;
    "netkit smtp check:--cacert") _netkit_files -f default; return 0 ;;
    "netkit smtp check:--helo") return 0 ;;
    "netkit smtp check:--dns") return 0 ;;
    "netkit smtp check:--mx-port") return 0 ;;
    "netkit smtp check:--policy-port") return 0 ;;
    "netkit smtp check:--fail-on") _netkit_words "$glued" "warn fail never"; return 0 ;;
    "netkit smtp check:--timeout") return 0 ;;
    "netkit smtp check:--color") _netkit_words "$glued" "auto always never"; return 0 ;;
    "netkit smtp check:--trace") if ((equals)); then _netkit_words "$glued" "text json hex"; return 0; fi ;;
    "netkit pop3 subjects:--last") return 0 ;;
    "netkit pop3 subjects:--first") return 0 ;;
    "netkit pop3 subjects:--range") return 0 ;;
    "netkit pop3 subjects:--uid") return 0 ;;
    "netkit pop3 subjects:--since") return 0 ;;
    "netkit pop3 subjects:--grep") return 0 ;;
    "netkit pop3 subjects:--user") return 0 ;;
    "netkit pop3 subjects:--auth") _netkit_words "$glued" "scram-sha-256 scram-sha-1 cram-md5 plain login oauthbearer xoauth2"; return 0 ;;
    "netkit pop3 subjects:--password-cmd") return 0 ;;
    "netkit pop3 subjects:--password-file") _netkit_files -f default; return 0 ;;
    "netkit pop3 subjects:--password-fd") return 0 ;;
    "netkit pop3 subjects:--token-cmd") return 0 ;;
    "netkit pop3 subjects:--token-file") _netkit_files -f default; return 0 ;;
    "netkit pop3 subjects:--tls") _netkit_words "$glued" "auto starttls implicit none"; return 0 ;;
    "netkit pop3 subjects:--cacert") _netkit_files -f default; return 0 ;;
    "netkit pop3 subjects:--via") _netkit_words "$glued" "auto top retr"; return 0 ;;
    "netkit pop3 subjects:--window") return 0 ;;
    "netkit pop3 subjects:--follow") return 0 ;;
    "netkit pop3 subjects:--timeout") return 0 ;;
    "netkit pop3 subjects:--fields") return 0 ;;
    "netkit pop3 subjects:--color") _netkit_words "$glued" "auto always never"; return 0 ;;
    "netkit pop3 subjects:--trace") if ((equals)); then _netkit_words "$glued" "text json hex"; return 0; fi ;;
    "netkit pop3 stat:--user") return 0 ;;
    "netkit pop3 stat:--auth") _netkit_words "$glued" "scram-sha-256 scram-sha-1 cram-md5 plain login oauthbearer xoauth2"; return 0 ;;
    "netkit pop3 stat:--password-cmd") return 0 ;;
    "netkit pop3 stat:--password-file") _netkit_files -f default; return 0 ;;
    "netkit pop3 stat:--password-fd") return 0 ;;
    "netkit pop3 stat:--token-cmd") return 0 ;;
    "netkit pop3 stat:--token-file") _netkit_files -f default; return 0 ;;
    "netkit pop3 stat:--tls") _netkit_words "$glued" "auto starttls implicit none"; return 0 ;;
    "netkit pop3 stat:--cacert") _netkit_files -f default; return 0 ;;
    "netkit pop3 stat:--timeout") return 0 ;;
    "netkit pop3 stat:--color") _netkit_words "$glued" "auto always never"; return 0 ;;
    "netkit pop3 stat:--trace") if ((equals)); then _netkit_words "$glued" "text json hex"; return 0; fi ;;
    "netkit pop3 list:--last") return 0 ;;
    "netkit pop3 list:--first") return 0 ;;
    "netkit pop3 list:--range") return 0 ;;
    "netkit pop3 list:--uid") return 0 ;;
    "netkit pop3 list:--user") return 0 ;;
    "netkit pop3 list:--auth") _netkit_words "$glued" "scram-sha-256 scram-sha-1 cram-md5 plain login oauthbearer xoauth2"; return 0 ;;
    "netkit pop3 list:--password-cmd") return 0 ;;
    "netkit pop3 list:--password-file") _netkit_files -f default; return 0 ;;
    "netkit pop3 list:--password-fd") return 0 ;;
    "netkit pop3 list:--token-cmd") return 0 ;;
    "netkit pop3 list:--token-file") _netkit_files -f default; return 0 ;;
    "netkit pop3 list:--tls") _netkit_words "$glued" "auto starttls implicit none"; return 0 ;;
    "netkit pop3 list:--cacert") _netkit_files -f default; return 0 ;;
    "netkit pop3 list:--timeout") return 0 ;;
    "netkit pop3 list:--color") _netkit_words "$glued" "auto always never"; return 0 ;;
    "netkit pop3 list:--trace") if ((equals)); then _netkit_words "$glued" "text json hex"; return 0; fi ;;
    "netkit pop3 get:--last") return 0 ;;
    "netkit pop3 get:--first") return 0 ;;
    "netkit pop3 get:--range") return 0 ;;
    "netkit pop3 get:--uid") return 0 ;;
    "netkit pop3 get:--user") return 0 ;;
    "netkit pop3 get:--auth") _netkit_words "$glued" "scram-sha-256 scram-sha-1 cram-md5 plain login oauthbearer xoauth2"; return 0 ;;
    "netkit pop3 get:--password-cmd") return 0 ;;
    "netkit pop3 get:--password-file") _netkit_files -f default; return 0 ;;
    "netkit pop3 get:--password-fd") return 0 ;;
    "netkit pop3 get:--token-cmd") return 0 ;;
    "netkit pop3 get:--token-file") _netkit_files -f default; return 0 ;;
    "netkit pop3 get:--tls") _netkit_words "$glued" "auto starttls implicit none"; return 0 ;;
    "netkit pop3 get:--cacert") _netkit_files -f default; return 0 ;;
    "netkit pop3 get:--timeout") return 0 ;;
    "netkit pop3 get:--output"|"netkit pop3 get:-o") _netkit_files -f default; return 0 ;;
    "netkit pop3 get:--color") _netkit_words "$glued" "auto always never"; return 0 ;;
    "netkit pop3 get:--trace") if ((equals)); then _netkit_words "$glued" "text json hex"; return 0; fi ;;
    "netkit pop3 save:--last") return 0 ;;
    "netkit pop3 save:--first") return 0 ;;
    "netkit pop3 save:--range") return 0 ;;
    "netkit pop3 save:--uid") return 0 ;;
    "netkit pop3 save:--maildir") _netkit_files -d dirnames; return 0 ;;
    "netkit pop3 save:--mbox") _netkit_files -f default; return 0 ;;
    "netkit pop3 save:--user") return 0 ;;
    "netkit pop3 save:--auth") _netkit_words "$glued" "scram-sha-256 scram-sha-1 cram-md5 plain login oauthbearer xoauth2"; return 0 ;;
    "netkit pop3 save:--password-cmd") return 0 ;;
    "netkit pop3 save:--password-file") _netkit_files -f default; return 0 ;;
    "netkit pop3 save:--password-fd") return 0 ;;
    "netkit pop3 save:--token-cmd") return 0 ;;
    "netkit pop3 save:--token-file") _netkit_files -f default; return 0 ;;
    "netkit pop3 save:--tls") _netkit_words "$glued" "auto starttls implicit none"; return 0 ;;
    "netkit pop3 save:--cacert") _netkit_files -f default; return 0 ;;
    "netkit pop3 save:--window") return 0 ;;
    "netkit pop3 save:--timeout") return 0 ;;
    "netkit pop3 save:--color") _netkit_words "$glued" "auto always never"; return 0 ;;
    "netkit pop3 save:--trace") if ((equals)); then _netkit_words "$glued" "text json hex"; return 0; fi ;;
    "netkit pop3 delete:--uid") return 0 ;;
    "netkit pop3 delete:--user") return 0 ;;
    "netkit pop3 delete:--auth") _netkit_words "$glued" "scram-sha-256 scram-sha-1 cram-md5 plain login oauthbearer xoauth2"; return 0 ;;
    "netkit pop3 delete:--password-cmd") return 0 ;;
    "netkit pop3 delete:--password-file") _netkit_files -f default; return 0 ;;
    "netkit pop3 delete:--password-fd") return 0 ;;
    "netkit pop3 delete:--token-cmd") return 0 ;;
    "netkit pop3 delete:--token-file") _netkit_files -f default; return 0 ;;
    "netkit pop3 delete:--tls") _netkit_words "$glued" "auto starttls implicit none"; return 0 ;;
    "netkit pop3 delete:--cacert") _netkit_files -f default; return 0 ;;
    "netkit pop3 delete:--timeout") return 0 ;;
    "netkit pop3 delete:--color") _netkit_words "$glued" "auto always never"; return 0 ;;
    "netkit pop3 delete:--trace") if ((equals)); then _netkit_words "$glued" "text json hex"; return 0; fi ;;
    "netkit pop3 capa:--tls") _netkit_words "$glued" "auto starttls implicit none"; return 0 ;;
    "netkit pop3 capa:--cacert") _netkit_files -f default; return 0 ;;
    "netkit pop3 capa:--timeout") return 0 ;;
    "netkit pop3 capa:--color") _netkit_words "$glued" "auto always never"; return 0 ;;
    "netkit pop3 capa:--trace") if ((equals)); then _netkit_words "$glued" "text json hex"; return 0; fi ;;
    "netkit chat serve:--bind"|"netkit chat serve:-b") return 0 ;;
    "netkit chat serve:--port"|"netkit chat serve:-p") return 0 ;;
    "netkit chat serve:--unix") _netkit_files -f default; return 0 ;;
    "netkit chat serve:--tls-cert") _netkit_files -f default; return 0 ;;
    "netkit chat serve:--tls-key") _netkit_files -f default; return 0 ;;
    "netkit chat serve:--metrics") return 0 ;;
    "netkit chat serve:--web") return 0 ;;
    "netkit chat serve:--web-origin") return 0 ;;
    "netkit chat serve:--notices") return 0 ;;
    "netkit chat serve:--history") return 0 ;;
    "netkit chat serve:--replay") return 0 ;;
    "netkit chat serve:--max-clients") return 0 ;;
    "netkit chat serve:--max-per-address") return 0 ;;
    "netkit chat serve:--max-line") return 0 ;;
    "netkit chat serve:--rate") return 0 ;;
    "netkit chat serve:--sendq") return 0 ;;
    "netkit chat serve:--slow") return 0 ;;
    "netkit chat serve:--idle") return 0 ;;
    "netkit chat serve:--flush") return 0 ;;
    "netkit chat serve:--password-file") _netkit_files -f default; return 0 ;;
    "netkit chat serve:--admin-password-file") _netkit_files -f default; return 0 ;;
    "netkit chat serve:--allow") return 0 ;;
    "netkit chat serve:--deny") return 0 ;;
    "netkit chat serve:--accept-rate") return 0 ;;
    "netkit chat serve:--proxy-protocol") return 0 ;;
    "netkit chat serve:--log") _netkit_files -f default; return 0 ;;
    "netkit chat serve:--duration") return 0 ;;
    "netkit chat serve:--bus") return 0 ;;
    "netkit chat serve:--bus-cacert") _netkit_files -f default; return 0 ;;
    "netkit chat serve:--bus-user") return 0 ;;
    "netkit chat serve:--bus-password-cmd") return 0 ;;
    "netkit chat serve:--bus-password-file") _netkit_files -f default; return 0 ;;
    "netkit chat serve:--bus-password-fd") return 0 ;;
    "netkit chat serve:--node") return 0 ;;
    "netkit chat serve:--ready-fd") return 0 ;;
    "netkit chat serve:--ready-file") _netkit_files -f default; return 0 ;;
    "netkit chat serve:--color") _netkit_words "$glued" "auto always never"; return 0 ;;
    "netkit chat serve:--trace") if ((equals)); then _netkit_words "$glued" "text json hex"; return 0; fi ;;
    "netkit chat join:--nick") return 0 ;;
    "netkit chat join:--room") return 0 ;;
    "netkit chat join:--password-cmd") return 0 ;;
    "netkit chat join:--password-file") _netkit_files -f default; return 0 ;;
    "netkit chat join:--password-fd") return 0 ;;
    "netkit chat join:--send") return 0 ;;
    "netkit chat join:--count"|"netkit chat join:-n") return 0 ;;
    "netkit chat join:--max-line") return 0 ;;
    "netkit chat join:--timeout") return 0 ;;
    "netkit chat join:--connect-timeout") return 0 ;;
    "netkit chat join:--cacert") _netkit_files -f default; return 0 ;;
    "netkit chat join:--server-name") return 0 ;;
    "netkit chat join:--color") _netkit_words "$glued" "auto always never"; return 0 ;;
    "netkit chat join:--trace") if ((equals)); then _netkit_words "$glued" "text json hex"; return 0; fi ;;
    "netkit chat bench:--clients") return 0 ;;
    "netkit chat bench:--senders") return 0 ;;
    "netkit chat bench:--rate") return 0 ;;
    "netkit chat bench:--lines") return 0 ;;
    "netkit chat bench:--size") return 0 ;;
    "netkit chat bench:--duration") return 0 ;;
    "netkit chat bench:--warm-up") return 0 ;;
    "netkit chat bench:--wait") return 0 ;;
    "netkit chat bench:--timeout") return 0 ;;
    "netkit chat bench:--cacert") _netkit_files -f default; return 0 ;;
    "netkit chat bench:--server-name") return 0 ;;
    "netkit chat bench:--pid") return 0 ;;
    "netkit chat bench:--color") _netkit_words "$glued" "auto always never"; return 0 ;;
    "netkit chat bench:--trace") if ((equals)); then _netkit_words "$glued" "text json hex"; return 0; fi ;;
    "netkit lab:--bind"|"netkit lab:-b") return 0 ;;
    "netkit lab:--port"|"netkit lab:-p") return 0 ;;
    "netkit lab:--zone") _netkit_files -f default; return 0 ;;
    "netkit lab:--dir") _netkit_files -d dirnames; return 0 ;;
    "netkit lab:--on") return 0 ;;
    "netkit lab:--delay") return 0 ;;
    "netkit lab:--drop") return 0 ;;
    "netkit lab:--ready-fd") return 0 ;;
    "netkit lab:--ready-file") _netkit_files -f default; return 0 ;;
    "netkit lab:--color") _netkit_words "$glued" "auto always never"; return 0 ;;
    "netkit lab:--trace") if ((equals)); then _netkit_words "$glued" "text json hex"; return 0; fi ;;
    "netkit lab seed:--to") return 0 ;;
    "netkit lab seed:--smtp") return 0 ;;
    "netkit lab seed:--timeout") return 0 ;;
    "netkit lab seed:--color") _netkit_words "$glued" "auto always never"; return 0 ;;
    "netkit lab seed:--trace") if ((equals)); then _netkit_words "$glued" "text json hex"; return 0; fi ;;
    "netkit lab wait:--to") return 0 ;;
    "netkit lab wait:--subject") return 0 ;;
    "netkit lab wait:--http") return 0 ;;
    "netkit lab wait:--timeout") return 0 ;;
    "netkit lab wait:--color") _netkit_words "$glued" "auto always never"; return 0 ;;
    "netkit lab wait:--trace") if ((equals)); then _netkit_words "$glued" "text json hex"; return 0; fi ;;
    "netkit tour:--step") _netkit_words "$glued" "resolve resolve-types resolve-address resolve-script resolve-no resolve-failing resolve-hostile resolve-forged resolve-why resolve-columns resolve-compare resolve-servers resolve-root resolve-zone resolve-trace resolve-tcp resolve-many resolve-tls resolve-unproven resolve-https resolve-validate resolve-anchor resolve-insecure resolve-bogus fqdn fqdn-many http-get http-head http-tls http-untrusted http-redirect http-checks http-check-failed http-digest http-expired http-no http-truncated http-resumed http-json http-parallel http-count smtp-send smtp-bad-address smtp-check smtp-check-domain pop3-subjects pop3-stat echo-stream echo-datagram echo-refused echo-server hello-server sockopt sockopt-live watch watch-wait chat-serve chat-greeting chat-broadcast chat-join chat-page lab lab-seed lab-wait"; return 0 ;;
    "netkit tour:--color") _netkit_words "$glued" "auto always never"; return 0 ;;
    "netkit tour:--trace") if ((equals)); then _netkit_words "$glued" "text json hex"; return 0; fi ;;
    esac
    if ((equals)); then return 0; fi
    case $at in
    "netkit") flags="--version --versions --show-completion --install-completion --help -h" words="resolve fqdn echo-server echo-client hello-server watch sockopt http smtp pop3 chat lab tour" ;;
    "netkit resolve") flags="--type -t --common --class --search --no-idn --dns --system --server -s --tcp -4 -6 --source --tries --cacert --insecure --dnssec --cd --no-rd --nsid --ecs --cookie --pad --bufsize --no-edns --tsig-file --compare --authoritative --trace-root --root-hints --port --validate --trust-anchor --input -i --concurrency --rate --jobs --ordered --unique --only --except --confirm --lenient --stats --fail-on --timeout --short --zone --tsv --fields --json --color --quiet -q --trace --help -h" words="" ;;
    "netkit fqdn") flags="--all --server -s --short-ok --input -i --concurrency --rate --jobs --ordered --unique --only --except --confirm --lenient --stats --fail-on --cacert --insecure --timeout --json --color --quiet -q --trace --help -h" words="" ;;
    "netkit echo-server") flags="--tcp --udp --bind -b --port -p --unix --workers --metrics --tls-cert --tls-key --tls-self-signed --tls-write-cert --max-conns --per-host --idle --rate --delay --drop --duplicate --reorder --corrupt --reset-after --seed --once --count --duration --ready-fd --ready-file --json --color --quiet -q --trace --help -h" words="" ;;
    "netkit echo-client") flags="--udp --tls --cacert --insecure --server-name --count -n --duration --interval -i --rate --flood --size --pattern --parallel --stdin --file -f --print --wait --timeout --max-loss --max-rtt --json --color --quiet -q --trace --help -h" words="" ;;
    "netkit hello-server") flags="--file -f --tcp --udp --bind -b --port -p --unix --tls-cert --tls-key --tls-self-signed --tls-write-cert --max-conns --per-host --rate --delay --partial --abort --once --count --duration --ready-fd --ready-file --json --color --quiet -q --trace --help -h" words="" ;;
    "netkit watch") flags="--listen -l --until --reconnect --timeout --connect-timeout --stdin --hex --raw --max-lines --max-conns --pcap --cacert --insecure --server-name --tls-cert --tls-key --tls-self-signed --json --color --quiet -q --trace --help -h" words="" ;;
    "netkit sockopt") flags="--help -h" words="list show get set diff try" ;;
    "netkit sockopt list") flags="--json --color --quiet -q --trace --help -h" words="" ;;
    "netkit sockopt show") flags="--changed --watch -w --interval -i --count -n --json --color --quiet -q --trace --help -h" words="" ;;
    "netkit sockopt get") flags="--short --json --color --quiet -q --trace --help -h" words="" ;;
    "netkit sockopt set") flags="--json --color --quiet -q --trace --help -h" words="" ;;
    "netkit sockopt diff") flags="--json --color --quiet -q --trace --help -h" words="" ;;
    "netkit sockopt try") flags="--timeout --json --color --quiet -q --trace --help -h" words="" ;;
    "netkit http") flags="--help -h" words="get head" ;;
    "netkit http get") flags="--header -H --query --user-agent -A --cookie --cookie-jar --range --accept-encoding --auth -u --digest --password-cmd --password-file --password-fd --bearer-cmd --bearer-file --netrc --netrc-file --max-redirects --no-follow --allow-downgrade --trust-redirects --http -4 -6 --resolve --connect-to --dns-server --unix-socket --interface --proxy --proxy-digest --proxy-password-cmd --proxy-password-file --no-proxy --insecure -k --cacert --pin --cert --key --key-password-cmd --key-password-file --tls-min --tls-max --timeout --connect-timeout --stall-timeout --expect-status --expect-header --slo --no-fail --retry --retry-on --retry-max-time --expect-body --output -o --remote-name -O --dir -d --continue -c --overwrite --checksum --max-size --mtime --max-body --raw --show --verbose -v --show-secrets --input -i --parallel --unordered --count -n --interval --fresh --json --color --quiet -q --trace --help -h" words="" ;;
    "netkit http head") flags="--header -H --query --user-agent -A --cookie --cookie-jar --range --accept-encoding --auth -u --digest --password-cmd --password-file --password-fd --bearer-cmd --bearer-file --netrc --netrc-file --max-redirects --no-follow --allow-downgrade --trust-redirects --http -4 -6 --resolve --connect-to --dns-server --unix-socket --interface --proxy --proxy-digest --proxy-password-cmd --proxy-password-file --no-proxy --insecure -k --cacert --pin --cert --key --key-password-cmd --key-password-file --tls-min --tls-max --timeout --connect-timeout --stall-timeout --expect-status --expect-header --slo --no-fail --retry --retry-on --retry-max-time --show --verbose -v --show-secrets --input -i --parallel --unordered --count -n --interval --fresh --json --color --quiet -q --trace --help -h" words="" ;;
    "netkit smtp") flags="--help -h" words="send check" ;;
    "netkit smtp send") flags="--from --to --cc --bcc --subject --text --html --attach --inline --header -H --raw -t --from-header --bare-newline --allow-long-lines --dkim-key --dkim-selector --envelope-from --rcpt --dsn --ret --envid --mx --mx-port --dns --lmtp -4 -6 --helo --user --auth --password-cmd --password-file --password-fd --token-cmd --token-file --tls --cacert --insecure --partial --no-pipelining --no-chunking --stop-after --drop-after --dry-run --wire --count -n --rate --retry --timeout --json --color --quiet -q --trace --help -h" words="" ;;
    "netkit smtp check") flags="--rcpt --from --relay-test --probe --patience --tls --cacert --insecure -4 -6 --helo --dns --mx-port --policy-port --fail-on --list --timeout --json --color --quiet -q --trace --help -h" words="" ;;
    "netkit pop3") flags="--help -h" words="subjects stat list get save delete capa" ;;
    "netkit pop3 subjects") flags="--last --first --range --uid --new --since --grep --reverse --user --auth --password-cmd --password-file --password-fd --token-cmd --token-file --apop --tls --cacert --insecure -4 -6 --via --window --follow --timeout --fields --json --color --quiet -q --trace --help -h" words="" ;;
    "netkit pop3 stat") flags="--user --auth --password-cmd --password-file --password-fd --token-cmd --token-file --apop --tls --cacert --insecure -4 -6 --timeout --json --color --quiet -q --trace --help -h" words="" ;;
    "netkit pop3 list") flags="--last --first --range --uid --user --auth --password-cmd --password-file --password-fd --token-cmd --token-file --apop --tls --cacert --insecure -4 -6 --timeout --json --color --quiet -q --trace --help -h" words="" ;;
    "netkit pop3 get") flags="--last --first --range --uid --user --auth --password-cmd --password-file --password-fd --token-cmd --token-file --apop --tls --cacert --insecure -4 -6 --timeout --output -o --json --color --quiet -q --trace --help -h" words="" ;;
    "netkit pop3 save") flags="--last --first --range --uid --new --maildir --mbox --delete --user --auth --password-cmd --password-file --password-fd --token-cmd --token-file --apop --tls --cacert --insecure -4 -6 --window --timeout --json --color --quiet -q --trace --help -h" words="" ;;
    "netkit pop3 delete") flags="--uid --yes --user --auth --password-cmd --password-file --password-fd --token-cmd --token-file --apop --tls --cacert --insecure -4 -6 --timeout --json --color --quiet -q --trace --help -h" words="" ;;
    "netkit pop3 capa") flags="--tls --cacert --insecure -4 -6 --timeout --json --color --quiet -q --trace --help -h" words="" ;;
    "netkit chat") flags="--help -h" words="serve join bench" ;;
    "netkit chat serve") flags="--bind -b --port -p --unix --tls-cert --tls-key --tls-self-signed --metrics --web --web-origin --tutorial --notices --history --replay --max-clients --max-per-address --max-line --rate --sendq --slow --idle --flush --password-file --admin-password-file --allow --deny --accept-rate --proxy-protocol --log --duration --bus --bus-cacert --bus-user --bus-password-cmd --bus-password-file --bus-password-fd --node --ready-fd --ready-file --json --color --quiet -q --trace --help -h" words="" ;;
    "netkit chat join") flags="--nick --room --password-cmd --password-file --password-fd --send --no-stdin --count -n --max-line --bell --no-bell --time --history --no-history --reconnect --no-reconnect --timeout --connect-timeout --cacert --insecure --server-name --json --color --quiet -q --trace --help -h" words="" ;;
    "netkit chat bench") flags="--clients --senders --rate --lines --size --duration --warm-up --wait --timeout --tls --cacert --insecure --server-name --pid --json --color --quiet -q --trace --help -h" words="" ;;
    "netkit lab") flags="--bind -b --port -p --zone --dir --on --delay --drop --ready-fd --ready-file --json --color --quiet -q --trace --help -h" words="seed wait" ;;
    "netkit lab seed") flags="--to --odd --smtp --timeout --json --color --quiet -q --trace --help -h" words="" ;;
    "netkit lab wait") flags="--to --subject --http --timeout --json --color --quiet -q --trace --help -h" words="" ;;
    "netkit tour") flags="--step --list --json --color --quiet -q --trace --help -h" words="" ;;
    esac
    if [[ $cur == -* ]]; then words=$flags; fi
    _netkit_words "" "$words"
}
complete -F _netkit netkit
