/* tcp_epoll PORT: a TCP echo server, one thread, level-triggered epoll.
 *
 * A readable connection costs one recv and one send. What the peer does not take is kept for it, and nothing more is
 * read from it until that is gone: a client that sends and never reads fills its own buffers. Half-close: the bytes
 * still owed go out first, then the connection is closed. */

#include "common.h"
#include <sys/epoll.h>

enum { EVENTS = 256, BUFFER = 256 * 1024 };

struct connection {
    int fd;
    size_t start, end; /* of what is still owed, in `owed`; start == end: nothing */
    char *owed;        /* allocated while something is */
};

static char buffer[BUFFER];

static void wait_for(int epoll, int how, struct connection *c, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = c};
    if (epoll_ctl(epoll, how, c->fd, &event) < 0)
        die("epoll_ctl");
}

static void drop(struct connection *c)
{
    close(c->fd);
    free(c->owed);
    free(c);
}

static void accept_all(int epoll, int listener)
{
    int fd, one = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct connection *c = calloc(1, sizeof *c);
        if (!c)
            die("calloc");
        c->fd = fd;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        wait_for(epoll, EPOLL_CTL_ADD, c, EPOLLIN);
    }
    if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR)
        die("accept");
}

static void on_readable(int epoll, struct connection *c)
{
    ssize_t got = recv(c->fd, buffer, sizeof buffer, 0);
    if (got <= 0) {
        if (got == 0 || (errno != EAGAIN && errno != EINTR))
            drop(c);
        return;
    }
    ssize_t sent = send(c->fd, buffer, got, MSG_NOSIGNAL);
    if (sent == got)
        return;
    if (sent < 0) {
        if (errno != EAGAIN && errno != EINTR) {
            drop(c);
            return;
        }
        sent = 0;
    }
    if (!(c->owed = malloc(got - sent)))
        die("malloc");
    memcpy(c->owed, buffer + sent, got - sent);
    c->start = 0;
    c->end = got - sent;
    wait_for(epoll, EPOLL_CTL_MOD, c, EPOLLOUT);
}

static void on_writable(int epoll, struct connection *c)
{
    ssize_t sent = send(c->fd, c->owed + c->start, c->end - c->start, MSG_NOSIGNAL);
    if (sent < 0) {
        if (errno != EAGAIN && errno != EINTR)
            drop(c);
        return;
    }
    c->start += sent;
    if (c->start < c->end)
        return;
    free(c->owed);
    c->owed = NULL;
    wait_for(epoll, EPOLL_CTL_MOD, c, EPOLLIN);
}

int main(int argc, char **argv)
{
    struct epoll_event events[EVENTS];
    (void)argc;
    raise_nofile();
    int listener = bound(SOCK_STREAM, number(argv, 1, 0, 65535));
    set_nonblocking(listener);
    if (listen(listener, 4096) < 0)
        die("listen");
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event listening = {.events = EPOLLIN}; /* data.ptr NULL: the listener */
    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &listening) < 0)
        die("epoll");
    say_port(listener);
    for (;;) {
        int n = epoll_wait(epoll, events, EVENTS, -1);
        if (n < 0 && errno != EINTR)
            die("epoll_wait");
        for (int i = 0; i < n; i++) {
            struct connection *c = events[i].data.ptr;
            if (!c)
                accept_all(epoll, listener);
            else if (c->owed)
                on_writable(epoll, c);
            else
                on_readable(epoll, c);
        }
    }
}
