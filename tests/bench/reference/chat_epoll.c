/* chat_epoll PORT [quiet]: the tutorial's chat in whole lines, one thread, level-triggered epoll. quiet: nobody is told
 * who comes and goes, for n who come would be told n * n / 2 times.
 *
 * What comes in one turn is collected, and goes out as one send a client, its own lines cut out. What a client does not
 * take is kept for it, up to QUEUE bytes; above that it is dropped. No commands, no limits of rate, nothing is made
 * safe: what the work itself costs, to compare with. */

#include "common.h"
#include <sys/epoll.h>
#include <sys/uio.h>

enum { EVENTS = 256, LONGEST = 4096, QUEUE = 1024 * 1024, NAME = 32, BUFFER = 64 * 1024 };

struct client {
    int fd, place;           /* where in `everybody` */
    size_t own, own_end;     /* its lines in what is said in this turn */
    size_t unfinished, owed; /* bytes of a line, bytes that it has not taken */
    char *line, *queue;
    char name[NAME];
};

static struct client **everybody;
static int count, room, epoll, quiet;
static char *said;
static size_t size, space;

static void *grown(void *memory, size_t bytes)
{
    if (!(memory = realloc(memory, bytes)))
        die("realloc");
    return memory;
}

static void say(const char *bytes, size_t length)
{
    if (size + length > space)
        said = grown(said, space = 2 * (size + length));
    memcpy(said + size, bytes, length);
    size += length;
}

static void say_of(const char *what, const struct client *c)
{
    char line[64 + NAME];
    if (quiet)
        return;
    say(line, snprintf(line, sizeof line, "Client %s %s\r\n", what, c->name));
}

static void wait_for(int how, struct client *c, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = c};
    if (epoll_ctl(epoll, how, c->fd, &event) < 0)
        die("epoll_ctl");
}

/* It is out of `everybody` at once; what it stands on is freed when the turn is over, by `bury`. */
static struct client *dead;

static void drop(struct client *c)
{
    if (c->fd < 0)
        return;
    everybody[c->place] = everybody[--count];
    everybody[c->place]->place = c->place;
    close(c->fd);
    c->fd = -1;
    say_of("left", c);
    *(struct client **)c->name = dead;
    dead = c;
}

static void bury(void)
{
    while (dead) {
        struct client *c = dead;
        dead = *(struct client **)c->name;
        free(c->line);
        free(c->queue);
        free(c);
    }
}

static void keep(struct client *c, const char *bytes, size_t length)
{
    if (!length)
        return;
    if (!c->owed)
        wait_for(EPOLL_CTL_MOD, c, EPOLLIN | EPOLLOUT);
    c->queue = grown(c->queue, c->owed + length);
    memcpy(c->queue + c->owed, bytes, length);
    c->owed += length;
}

/* Give everybody what was said in this turn. */
static void flush(void)
{
    size_t whole = size;
    size = 0;
    for (int i = 0; whole && i < count; i++) {
        struct client *c = everybody[i];
        size_t first = c->own_end ? c->own : whole, second = c->own_end ? whole - c->own_end : 0;
        char *behind = said + c->own_end;
        c->own_end = 0;
        if (!first && !second)
            continue;
        ssize_t sent = 0;
        if (!c->owed) {
            struct iovec parts[] = {{said, first}, {behind, second}};
            struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
            sent = second ? sendmsg(c->fd, &message, MSG_NOSIGNAL) : send(c->fd, said, first, MSG_NOSIGNAL);
            if (sent < 0 && errno != EAGAIN)
                continue; /* reading will tell that it has gone */
            if (sent < 0)
                sent = 0;
        }
        size_t taken = sent;
        if (taken < first)
            keep(c, said + taken, first - taken);
        if (taken < first + second) {
            size_t skip = taken > first ? taken - first : 0;
            keep(c, behind + skip, second - skip);
        }
    }
    for (int i = count - 1; i >= 0; i--) /* backwards: a drop puts the last one in its place */
        if (everybody[i]->owed > QUEUE)
            drop(everybody[i]);
}

static void accept_all(int listener)
{
    static const char greeting[] = "You're connected to the Python chatserver\r\n";
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    int fd, one = 1;
    while ((fd = accept4(listener, (struct sockaddr *)&address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct client *c = calloc(1, sizeof *c);
        if (!c)
            die("calloc");
        c->fd = fd;
        snprintf(c->name, NAME, "127.0.0.1:%d", ntohs(address.sin_port));
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        flush(); /* the newcomer must not get what was said before it came */
        if (send(fd, greeting, sizeof greeting - 1, MSG_NOSIGNAL) < 0) {
            close(fd);
            free(c);
            continue;
        }
        say_of("joined", c);
        flush();
        if (count == room)
            everybody = grown(everybody, (room = 2 * room + 64) * sizeof *everybody);
        everybody[c->place = count++] = c;
        wait_for(EPOLL_CTL_ADD, c, EPOLLIN);
        length = sizeof address;
    }
    if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR)
        die("accept");
}

static void on_readable(struct client *c)
{
    static char buffer[BUFFER];
    char prefix[NAME + 4];
    ssize_t got = recv(c->fd, buffer, sizeof buffer, 0);
    if (got <= 0) {
        if (got == 0 || (errno != EAGAIN && errno != EINTR))
            drop(c);
        return;
    }
    int length = snprintf(prefix, sizeof prefix, "[%s] ", c->name);
    char *begin = buffer, *end = buffer + got, *newline;
    size_t own = size;
    while ((newline = memchr(begin, '\n', end - begin))) {
        say(prefix, length);
        say(c->line, c->unfinished);
        c->unfinished = 0;
        say(begin, newline + 1 - begin);
        begin = newline + 1;
    }
    if (size > own) {
        c->own = own;
        c->own_end = size;
    }
    if (begin < end) {
        size_t rest = end - begin;
        if (c->unfinished + rest > LONGEST) {
            drop(c);
            return;
        }
        c->line = grown(c->line, LONGEST);
        memcpy(c->line + c->unfinished, begin, rest);
        c->unfinished += rest;
    }
}

static void on_writable(struct client *c)
{
    ssize_t sent = send(c->fd, c->queue, c->owed, MSG_NOSIGNAL);
    if (sent < 0)
        return;
    memmove(c->queue, c->queue + sent, c->owed -= sent);
    if (!c->owed)
        wait_for(EPOLL_CTL_MOD, c, EPOLLIN);
}

int main(int argc, char **argv)
{
    struct epoll_event events[EVENTS];
    quiet = argc > 2;
    raise_nofile();
    int listener = bound(SOCK_STREAM, number(argv, 1, 0, 65535));
    set_nonblocking(listener);
    if (listen(listener, 4096) < 0)
        die("listen");
    epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event listening = {.events = EPOLLIN}; /* data.ptr NULL: the listener */
    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &listening) < 0)
        die("epoll");
    say_port(listener);
    for (;;) {
        int n = epoll_wait(epoll, events, EVENTS, -1);
        if (n < 0 && errno != EINTR)
            die("epoll_wait");
        for (int i = 0; i < n; i++) {
            struct client *c = events[i].data.ptr;
            if (!c)
                accept_all(listener);
            else {
                if (c->fd >= 0 && c->owed && events[i].events & EPOLLOUT)
                    on_writable(c);
                if (c->fd >= 0 && events[i].events & ~EPOLLOUT)
                    on_readable(c);
            }
        }
        flush();
        bury();
    }
}
