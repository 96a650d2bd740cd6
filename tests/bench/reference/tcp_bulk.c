/* tcp_bulk PORT SECONDS: one connection, sending as fast as the server takes it and reading the echo at once.
 *
 * After SECONDS it half-closes and reads to the end: every byte has to be back, and the first and the last of every
 * read are looked at (a pattern of a prime length, so a lost or doubled piece is seen). Prints `BYTES SECONDS`, with
 * the time of the last byte. */

#include "common.h"
#include <poll.h>

enum { BLOCK = 256 * 1024, PRIME = 65521 };

static unsigned char pattern[PRIME + BLOCK], buffer[BLOCK];

int main(int argc, char **argv)
{
    (void)argc;
    struct pollfd server = {.fd = connected(SOCK_STREAM, number(argv, 1, 1, 65535))};
    double seconds = seconds_at(argv, 2);
    uint64_t sent = 0, got = 0;
    fill(pattern, PRIME, 1);
    for (size_t i = PRIME; i < sizeof pattern; i++) /* so BLOCK bytes are there from any place in the first PRIME */
        pattern[i] = pattern[i - PRIME];
    set_nonblocking(server.fd);
    server.events = POLLIN | POLLOUT;
    double start = now();
    for (;;) {
        if (server.events & POLLOUT && now() >= start + seconds) {
            shutdown(server.fd, SHUT_WR);
            server.events = POLLIN;
        }
        if (poll(&server, 1, 2000) <= 0)
            fail("the server is stuck: nothing taken, nothing sent for 2 s");
        if (server.revents & POLLOUT && server.events & POLLOUT) {
            ssize_t n = send(server.fd, pattern + sent % PRIME, BLOCK, MSG_NOSIGNAL);
            if (n < 0 && errno != EAGAIN)
                die("send");
            sent += n > 0 ? n : 0;
        }
        if (server.revents & (POLLIN | POLLHUP | POLLERR)) {
            ssize_t n = recv(server.fd, buffer, BLOCK, 0);
            if (n == 0)
                break;
            if (n < 0) {
                if (errno != EAGAIN)
                    die("recv");
                continue;
            }
            if (buffer[0] != pattern[got % PRIME] || buffer[n - 1] != pattern[(got + n - 1) % PRIME])
                fail("the echo differs from what was sent");
            got += n;
        }
    }
    double end = now();
    if (got != sent) {
        fprintf(stderr, "%llu bytes sent, %llu came back\n", (unsigned long long)sent, (unsigned long long)got);
        return 1;
    }
    printf("%llu %.6f\n", (unsigned long long)got, end - start);
}
