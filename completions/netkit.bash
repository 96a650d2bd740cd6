# bash completion of netkit; made by python -m netkit.cli.completions
_netkit() {
    local cur=${COMP_WORDS[COMP_CWORD]-} prev= at=netkit flags= words= word i equals=0 after=-1
    COMPREPLY=()
    ((COMP_CWORD > 0)) && prev=${COMP_WORDS[COMP_CWORD - 1]}
    # bash cuts --option=value into three words
    if [[ $cur == "=" ]]; then cur= equals=1; elif [[ $prev == "=" ]]; then
        prev=${COMP_WORDS[COMP_CWORD - 2]} equals=1
    fi
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ $word == "--" ]]; then after=$i; break; fi
        case "$at:$word" in
        "netkit:--show-completion"|"netkit:--install-completion"|"netkit resolve:--type"|"netkit resolve:-t"|"netkit resolve:--server"|"netkit resolve:-s"|"netkit resolve:--tries"|"netkit resolve:--timeout"|"netkit resolve:--color"|"netkit fqdn:--server"|"netkit fqdn:-s"|"netkit fqdn:--timeout"|"netkit fqdn:--color"|"netkit http get:--header"|"netkit http get:-H"|"netkit http get:--query"|"netkit http get:--user-agent"|"netkit http get:-A"|"netkit http get:--auth"|"netkit http get:-u"|"netkit http get:--password-cmd"|"netkit http get:--password-file"|"netkit http get:--password-fd"|"netkit http get:--bearer-cmd"|"netkit http get:--bearer-file"|"netkit http get:--max-redirects"|"netkit http get:--http"|"netkit http get:--cacert"|"netkit http get:--timeout"|"netkit http get:--connect-timeout"|"netkit http get:--output"|"netkit http get:-o"|"netkit http get:--show"|"netkit http get:--max-body"|"netkit http get:--color"|"netkit http head:--header"|"netkit http head:-H"|"netkit http head:--query"|"netkit http head:--user-agent"|"netkit http head:-A"|"netkit http head:--auth"|"netkit http head:-u"|"netkit http head:--password-cmd"|"netkit http head:--password-file"|"netkit http head:--password-fd"|"netkit http head:--bearer-cmd"|"netkit http head:--bearer-file"|"netkit http head:--max-redirects"|"netkit http head:--http"|"netkit http head:--cacert"|"netkit http head:--timeout"|"netkit http head:--connect-timeout"|"netkit http head:--show"|"netkit http head:--color"|"netkit lab:--bind"|"netkit lab:--port"|"netkit lab:-p"|"netkit lab:--zone"|"netkit lab:--ready-fd"|"netkit lab:--ready-file"|"netkit lab:--color"|"netkit tour:--step"|"netkit tour:--color") ((i++)); [[ ${COMP_WORDS[i]-} == "=" ]] && ((i++)); continue ;;
        esac
        case "$at $word" in
        "netkit resolve"|"netkit fqdn"|"netkit http"|"netkit http get"|"netkit http head"|"netkit lab"|"netkit tour") at+=" $word" ;;
        esac
    done
    if ((after >= 0)); then
        if ((after == COMP_CWORD - 1)); then mapfile -t COMPREPLY < <(compgen -c -- "$cur")
        else compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); fi
        return
    fi
    case "$at:$prev" in
    "netkit:--show-completion") COMPREPLY=(); return ;;
    "netkit:--install-completion") COMPREPLY=(); return ;;
    "netkit resolve:--type"|"netkit resolve:-t") mapfile -t COMPREPLY < <(compgen -W "A NS CNAME SOA PTR MX TXT AAAA SRV NAPTR DNAME DS SSHFP DNSKEY TLSA SVCB HTTPS ANY CAA" -- "$cur"); return ;;
    "netkit resolve:--server"|"netkit resolve:-s") COMPREPLY=(); return ;;
    "netkit resolve:--tries") COMPREPLY=(); return ;;
    "netkit resolve:--timeout") COMPREPLY=(); return ;;
    "netkit resolve:--color") mapfile -t COMPREPLY < <(compgen -W "auto always never" -- "$cur"); return ;;
    "netkit resolve:--trace") ((equals)) && { mapfile -t COMPREPLY < <(compgen -W "text json hex" -- "$cur"); return; } ;;
    "netkit fqdn:--server"|"netkit fqdn:-s") COMPREPLY=(); return ;;
    "netkit fqdn:--timeout") COMPREPLY=(); return ;;
    "netkit fqdn:--color") mapfile -t COMPREPLY < <(compgen -W "auto always never" -- "$cur"); return ;;
    "netkit fqdn:--trace") ((equals)) && { mapfile -t COMPREPLY < <(compgen -W "text json hex" -- "$cur"); return; } ;;
    "netkit http get:--header"|"netkit http get:-H") COMPREPLY=(); return ;;
    "netkit http get:--query") COMPREPLY=(); return ;;
    "netkit http get:--user-agent"|"netkit http get:-A") COMPREPLY=(); return ;;
    "netkit http get:--auth"|"netkit http get:-u") COMPREPLY=(); return ;;
    "netkit http get:--password-cmd") COMPREPLY=(); return ;;
    "netkit http get:--password-file") compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
    "netkit http get:--password-fd") COMPREPLY=(); return ;;
    "netkit http get:--bearer-cmd") COMPREPLY=(); return ;;
    "netkit http get:--bearer-file") compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
    "netkit http get:--max-redirects") COMPREPLY=(); return ;;
    "netkit http get:--http") mapfile -t COMPREPLY < <(compgen -W "auto 1.0 1.1 2 3" -- "$cur"); return ;;
    "netkit http get:--cacert") compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
    "netkit http get:--timeout") COMPREPLY=(); return ;;
    "netkit http get:--connect-timeout") COMPREPLY=(); return ;;
    "netkit http get:--output"|"netkit http get:-o") compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
    "netkit http get:--show") COMPREPLY=(); return ;;
    "netkit http get:--max-body") COMPREPLY=(); return ;;
    "netkit http get:--color") mapfile -t COMPREPLY < <(compgen -W "auto always never" -- "$cur"); return ;;
    "netkit http get:--trace") ((equals)) && { mapfile -t COMPREPLY < <(compgen -W "text json hex" -- "$cur"); return; } ;;
    "netkit http head:--header"|"netkit http head:-H") COMPREPLY=(); return ;;
    "netkit http head:--query") COMPREPLY=(); return ;;
    "netkit http head:--user-agent"|"netkit http head:-A") COMPREPLY=(); return ;;
    "netkit http head:--auth"|"netkit http head:-u") COMPREPLY=(); return ;;
    "netkit http head:--password-cmd") COMPREPLY=(); return ;;
    "netkit http head:--password-file") compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
    "netkit http head:--password-fd") COMPREPLY=(); return ;;
    "netkit http head:--bearer-cmd") COMPREPLY=(); return ;;
    "netkit http head:--bearer-file") compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
    "netkit http head:--max-redirects") COMPREPLY=(); return ;;
    "netkit http head:--http") mapfile -t COMPREPLY < <(compgen -W "auto 1.0 1.1 2 3" -- "$cur"); return ;;
    "netkit http head:--cacert") compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
    "netkit http head:--timeout") COMPREPLY=(); return ;;
    "netkit http head:--connect-timeout") COMPREPLY=(); return ;;
    "netkit http head:--show") COMPREPLY=(); return ;;
    "netkit http head:--color") mapfile -t COMPREPLY < <(compgen -W "auto always never" -- "$cur"); return ;;
    "netkit http head:--trace") ((equals)) && { mapfile -t COMPREPLY < <(compgen -W "text json hex" -- "$cur"); return; } ;;
    "netkit lab:--bind") COMPREPLY=(); return ;;
    "netkit lab:--port"|"netkit lab:-p") COMPREPLY=(); return ;;
    "netkit lab:--zone") compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
    "netkit lab:--ready-fd") COMPREPLY=(); return ;;
    "netkit lab:--ready-file") compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
    "netkit lab:--color") mapfile -t COMPREPLY < <(compgen -W "auto always never" -- "$cur"); return ;;
    "netkit lab:--trace") ((equals)) && { mapfile -t COMPREPLY < <(compgen -W "text json hex" -- "$cur"); return; } ;;
    "netkit tour:--step") COMPREPLY=(); return ;;
    "netkit tour:--color") mapfile -t COMPREPLY < <(compgen -W "auto always never" -- "$cur"); return ;;
    "netkit tour:--trace") ((equals)) && { mapfile -t COMPREPLY < <(compgen -W "text json hex" -- "$cur"); return; } ;;
    esac
    ((equals)) && return
    case "$at" in
    "netkit") flags="--version --show-completion --install-completion --help -h" words="resolve fqdn http lab tour" ;;
    "netkit resolve") flags="--type -t --server -s --dns --system --tcp --tries --timeout --short --json --color --quiet -q --trace --help -h" words="" ;;
    "netkit fqdn") flags="--all --server -s --short-ok --timeout --json --color --quiet -q --trace --help -h" words="" ;;
    "netkit http") flags="--help -h" words="get head" ;;
    "netkit http get") flags="--header -H --query --user-agent -A --auth -u --password-cmd --password-file --password-fd --bearer-cmd --bearer-file --netrc --max-redirects --no-follow --allow-downgrade --http -4 -6 --insecure -k --cacert --timeout --connect-timeout --output -o --show --max-body --json --color --quiet -q --trace --help -h" words="" ;;
    "netkit http head") flags="--header -H --query --user-agent -A --auth -u --password-cmd --password-file --password-fd --bearer-cmd --bearer-file --netrc --max-redirects --no-follow --allow-downgrade --http -4 -6 --insecure -k --cacert --timeout --connect-timeout --show --json --color --quiet -q --trace --help -h" words="" ;;
    "netkit lab") flags="--bind --port -p --zone --ready-fd --ready-file --json --color --quiet -q --trace --help -h" words="" ;;
    "netkit tour") flags="--step --list --json --color --quiet -q --trace --help -h" words="" ;;
    esac
    [[ $cur == -* ]] && words=$flags
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -F _netkit netkit
