"""Options of curl, HTTPie, xh and wget that fingers type by themselves, and what they are here.

Those that mean something else here (`-i`, `-c`, `-d`, `-O`, `-n`) cannot be told.
"""

GET_ALONE = "netkit http sends GET and HEAD alone"
FAILS = "4xx and 5xx have exit codes of their own; --no-fail takes that away"
DECODED = "a body is decoded by itself; --accept-encoding says what is asked for"
COMES = "a pipe gets a body as it comes, by itself"

HERE = {
    "-L": "redirects are followed; --no-follow follows none", "--location": "redirects are followed; --no-follow "
    "follows none", "-F": "redirects are followed, and no forms are sent", "--follow": "redirects are followed",
    "--location-trusted": "--trust-redirects", "--max-redirs": "--max-redirects", "--max-redirect": "--max-redirects",
    "-I": "netkit http head", "--head": "netkit http head", "--spider": "netkit http head",
    "--include": "--show headers,body", "-D": "--show headers", "--dump-header": "--show headers",
    "--server-response": "--show headers,body", "-p": "--show PARTS",
    "--print": "--show PARTS", "--all": "-v, or --show hops",
    "-s": "-q", "--silent": "-q", "--show-error": "-q tells of errors as well", "--no-progress-meter": "-q",
    "-f": FAILS, "--fail": FAILS, "--fail-with-body": FAILS, "--check-status": FAILS, "--content-on-error": FAILS,
    "-m": "--timeout", "--max-time": "--timeout", "-T": "--timeout", "-y": "--stall-timeout",
    "--speed-time": "--stall-timeout", "--read-timeout": "--stall-timeout", "--dns-timeout": "--timeout",
    "-X": GET_ALONE, "--request": GET_ALONE, "--data": GET_ALONE, "--data-raw": GET_ALONE,
    "--form": GET_ALONE, "--post-data": GET_ALONE, "--post-file": GET_ALONE, "--upload-file": GET_ALONE,
    "-G": "--query K=V", "--get": "--query K=V", "--url-query": "--query K=V",
    "-x": "--proxy", "-U": "-A, or the user of a proxy in its URL", "--proxy-user": "--proxy SCHEME://USER@HOST:PORT",
    "--socks5": "--proxy socks5://HOST:PORT", "--socks5-hostname": "--proxy socks5h://HOST:PORT",
    "--noproxy": "--no-proxy",
    "--user": "-u USER, with --password-cmd or -file", "--password": "--password-cmd, --password-file",
    "--oauth2-bearer": "--bearer-cmd, --bearer-file", "-a": "-u USER, with --password-cmd or -file",
    "--auth-type": "--digest, --bearer-cmd; Basic without",
    "-b": "--cookie NAME=VALUE, or --cookie-jar FILE", "-j": "--cookie-jar FILE", "--session": "--cookie-jar FILE",
    "--load-cookies": "--cookie-jar FILE", "--save-cookies": "--cookie-jar FILE",
    "-e": "-H 'Referer: URL'", "--referer": "-H 'Referer: URL'",
    "-r": "--range", "-C": "-c", "--continue-at": "-c", "--download": "-O, or -o FILE",
    "-J": "-O takes the server's name", "--remote-header-name": "-O takes the server's name",
    "--content-disposition": "-O takes the server's name", "--output-document": "-o FILE", "-P": "-d DIR",
    "--directory-prefix": "-d DIR", "--output-dir": "-d DIR", "--create-dirs": "-d DIR makes DIR",
    "--remote-name-all": "-O is for all URLs", "--no-clobber": "-O replaces no file", "--clobber": "--overwrite",
    "-R": "--mtime", "--remote-time": "--mtime", "--max-filesize": "--max-size", "--input-file": "-i FILE",
    "-t": "--retry N", "--tries": "--retry N", "--retry-connrefused": "--retry tries such again by itself",
    "--retry-all-errors": "--retry N, with --retry-on", "--retry-on-http-error": "--retry-on",
    "-Z": "--parallel N", "--parallel-max": "--parallel N",
    "--compressed": DECODED, "--compression": DECODED, "-N": COMES, "--no-buffer": COMES, "--stream": COMES,
    "-w": "--json has everything; --show timing the times", "--write-out": "--json has everything; --show timing the "
    "times", "--meta": "--show timing,tls", "--trace-time": "--trace",
    "--http1.0": "--http 1.0", "-0": "--http 1.0", "--http1.1": "--http 1.1", "--http2": "--http 2",
    "--http2-prior-knowledge": "--http 2, with http://", "--http3": "--http 3", "--http-version": "--http",
    "--ipv4": "-4", "--ipv6": "-6", "--inet4-only": "-4", "--inet6-only": "-6", "--bind-address": "--interface",
    "--dns-servers": "--dns-server", "--doh-url": "--dns-server https://HOST/PATH",
    "--tlsv1.2": "--tls-min 1.2", "--tlsv1.3": "--tls-min 1.3", "--ssl": "--tls-min, --tls-max",
    "--verify": "-k, or --cacert FILE", "--no-check-certificate": "-k", "--ca-certificate": "--cacert",
    "--certificate": "--cert", "--private-key": "--key", "--cert-key": "--key", "-E": "--cert",
    "--pinnedpubkey": "--pin", "--pass": "--key-password-cmd, --key-password-file",
    "--pretty": "a terminal gets it laid out; --raw as it came", "--style": "--color", "--no-color": "--color never",
}  # fmt: skip


def meant(option: str) -> str | None:
    """What a hint says of an option that there is not."""
    here = HERE.get(option)
    return f"here it is {here}" if here and here.startswith(("-", "netkit http head")) else here
