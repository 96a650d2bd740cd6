/* tcp_load PORT CONNECTIONS SIZE SECONDS: each connection sends SIZE bytes, waits for all of them, checks them, and
 * sends the next. One thread, epoll.
 *
 * Prints `ECHOES SECONDS` of the timed part, which begins when every connection has had its first echo: what a server
 * spends on accepting (a process a connection, for some) is not in it. */

#include "common.h"
#include <sys/epoll.h>

enum { EVENTS = 256, LARGEST = 16384 }; /* so much always fits an empty send buffer: no partial sends */

struct connection {
    int fd;
    uint64_t sent; /* echoes asked for so far; stands in the first bytes of the message where it fits */
    size_t got;    /* bytes of the present echo that have come and were right */
    unsigned char *message;
};

static size_t size;

static void ask(struct connection *c)
{
    c->got = 0;
    c->sent++;
    memcpy(c->message, &c->sent, size < sizeof c->sent ? size : sizeof c->sent);
    if (send(c->fd, c->message, size, MSG_NOSIGNAL) != (ssize_t)size)
        die("send");
}

/* Reads once, for there is something to read or it may be waited for; 1 when the echo is complete. */
static int answered(struct connection *c)
{
    static unsigned char buffer[LARGEST];
    ssize_t got = recv(c->fd, buffer, sizeof buffer, 0);
    if (got < 0)
        die("recv");
    if (got == 0)
        fail("the server closed a connection");
    if (c->got + got > size || memcmp(buffer, c->message + c->got, got) != 0)
        fail("the echo differs from what was sent");
    c->got += got;
    return c->got == size;
}

int main(int argc, char **argv)
{
    struct epoll_event events[EVENTS];
    (void)argc;
    raise_nofile();
    long port = number(argv, 1, 1, 65535), count = number(argv, 2, 1, 100000);
    size = number(argv, 3, 1, LARGEST);
    double seconds = seconds_at(argv, 4);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct connection *connections = calloc(count, sizeof *connections);
    if (epoll < 0 || !connections)
        die("epoll");
    for (long i = 0; i < count; i++) {
        struct connection *c = &connections[i];
        c->fd = connected(SOCK_STREAM, port);
        if (!(c->message = malloc(size)))
            die("malloc");
        fill(c->message, size, i);
        ask(c);
        while (!answered(c))
            ;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event) < 0)
            die("epoll_ctl");
    }
    uint64_t echoes = 0;
    double start = now(), end = start;
    for (long i = 0; i < count; i++)
        ask(&connections[i]);
    while ((end = now()) < start + seconds) {
        int n = epoll_wait(epoll, events, EVENTS, 1000);
        if (n == 0)
            fail("no echo for a second");
        for (int i = 0; i < n; i++)
            if (answered(events[i].data.ptr)) {
                echoes++;
                ask(events[i].data.ptr);
            }
    }
    printf("%llu %.6f\n", (unsigned long long)echoes, end - start);
}
