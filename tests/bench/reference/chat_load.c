/* chat_load PORT CLIENTS SIZE: so many clients of a chat server, who say lines of SIZE bytes in turn.
 *
 * Prints `CONNECT_SECONDS` when all are connected and nothing comes any more, then does what its standard input says,
 * a line each, until it ends:
 *
 *   lines N SECONDS   closed loop: N lines of one client, and the next N when everybody else has all of them.
 *                     Prints `DELIVERIES SECONDS P50 P99` with the milliseconds of a round.
 *   rate R SECONDS    open loop: R lines a second, whatever the server does. Prints `DELIVERIES SECONDS FIRST P50 P99`,
 *                     milliseconds from when a line was due: the median until somebody had it, percentiles of all
 *                     deliveries to SAMPLE clients, which are spread over all.
 *
 * Every line is counted at every client; one that does not come ends the program. */

#include "common.h"
#include <sys/epoll.h>

enum { EVENTS = 256, BUFFER = 256 * 1024, MOST = 4000000, SAMPLE = 100, LONGEST = 4000 };

struct client {
    int fd, sampled, kept; /* kept: bytes of an unfinished line of one that is sampled */
    char *line;
};

static int epoll;
static long size, clients;
static struct client *everybody;
static double *times, *firsts; /* what is measured; open loop */
static long timed, lines_seen;
static double start, every; /* line n is due at start + n * every; every 0: closed loop */

/* A line of a client that is sampled: its number, as `put` wrote it, behind whatever the server put before it. */
static void look(const char *line, size_t length)
{
    const char *mark = memmem(line, length, "n=", 2);
    if (!mark || !every)
        return;
    long which = atol(mark + 2);
    double seconds = now() - (start + which * every);
    if (timed < MOST)
        times[timed++] = seconds;
    if (which < MOST && !firsts[which]) {
        firsts[which] = seconds;
        if (which >= lines_seen)
            lines_seen = which + 1;
    }
}

static long take(struct client *c)
{
    static char buffer[BUFFER];
    ssize_t got = recv(c->fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (got == 0)
        fail("the server closed a connection");
    if (got < 0) {
        if (errno != EAGAIN)
            die("recv");
        return 0;
    }
    long lines = 0;
    char *begin = buffer, *end = buffer + got, *newline;
    while ((newline = memchr(begin, '\n', end - begin))) {
        lines++;
        if (c->sampled) {
            if (c->kept) {
                size_t rest = newline - begin < LONGEST - c->kept ? newline - begin : LONGEST - c->kept;
                memcpy(c->line + c->kept, begin, rest);
                look(c->line, c->kept + rest);
                c->kept = 0;
            } else
                look(begin, newline - begin);
        }
        begin = newline + 1;
    }
    if (c->sampled && begin < end) {
        size_t rest = end - begin < LONGEST - c->kept ? end - begin : LONGEST - c->kept;
        memcpy(c->line + c->kept, begin, rest);
        c->kept += rest;
    }
    return lines;
}

/* Lines that come within so many seconds, of one turn; -1 when nothing does. */
static long turn(double seconds)
{
    struct epoll_event events[EVENTS];
    struct timespec limit = {0};
    if (seconds > 0) {
        limit.tv_sec = seconds;
        limit.tv_nsec = (seconds - limit.tv_sec) * 1e9;
    }
    long lines = 0;
    int n = epoll_pwait2(epoll, events, EVENTS, &limit, NULL);
    if (n < 0 && errno != EINTR)
        die("epoll_pwait2");
    for (int i = 0; i < n; i++)
        lines += take(events[i].data.ptr);
    return n > 0 ? lines : -1;
}

static void put(int fd, const char *bytes, size_t length)
{
    while (length) {
        ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
        if (sent < 0)
            die("send");
        bytes += sent;
        length -= sent;
    }
}

static void wait_for(long wanted, long got)
{
    while (got < wanted) {
        long lines = turn(10);
        if (lines < 0) {
            fprintf(stderr, "nothing came for 10 s: %ld of %ld lines\n", got, wanted);
            exit(1);
        }
        got += lines;
    }
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double share(double *sorted, long number, double part)
{
    return number ? sorted[(long)((number - 1) * part)] * 1e3 : 0;
}

static void in_a_loop(long lines, double seconds)
{
    static long round;
    char *message = malloc(lines * (size + 1));
    if (!message)
        die("malloc");
    for (long i = 0; i < lines; i++) {
        memset(message + i * (size + 1), 'a' + i % 26, size);
        message[i * (size + 1) + size] = '\n';
    }
    long rounds = 0;
    double begin = now(), at = begin;
    every = 0;
    while (at < begin + seconds && rounds < MOST) {
        double sent = at;
        put(everybody[round++ % clients].fd, message, lines * (size + 1));
        wait_for(lines * (clients - 1), 0);
        at = now();
        times[rounds++] = at - sent;
    }
    free(message);
    qsort(times, rounds, sizeof *times, by_size);
    printf("%ld %.6f %.3f %.3f\n", rounds * lines * (clients - 1), at - begin, share(times, rounds, .5),
           share(times, rounds, .99));
}

static void paced(double rate, double seconds)
{
    char line[LONGEST + 1];
    long sent = 0, got = 0;
    timed = lines_seen = 0;
    memset(firsts, 0, MOST * sizeof *firsts);
    every = 1 / rate;
    start = now();
    while (sent * every < seconds && sent < MOST) {
        double left;
        while ((left = start + sent * every - now()) > 0) {
            long lines = turn(left);
            got += lines > 0 ? lines : 0;
        }
        int length = snprintf(line, sizeof line, "n=%ld ", sent);
        memset(line + length, 'x', length < size ? size - length : 0);
        line[size > length ? size : length] = '\n';
        put(everybody[sent % clients].fd, line, (size > length ? size : length) + 1);
        sent++;
        long lines = turn(0); /* also when we are behind: what is due must not keep us from reading */
        got += lines > 0 ? lines : 0;
    }
    wait_for(sent * (clients - 1), got);
    double wall = now() - start;
    every = 0;
    qsort(times, timed, sizeof *times, by_size);
    qsort(firsts, lines_seen, sizeof *firsts, by_size);
    printf("%ld %.6f %.3f %.3f %.3f\n", sent * (clients - 1), wall, share(firsts, lines_seen, .5),
           share(times, timed, .5), share(times, timed, .99));
}

int main(int argc, char **argv)
{
    (void)argc;
    raise_nofile();
    long port = number(argv, 1, 1, 65535);
    clients = number(argv, 2, 2, 100000);
    size = number(argv, 3, 1, LONGEST);
    everybody = calloc(clients, sizeof *everybody);
    times = malloc(MOST * sizeof *times);
    firsts = malloc(MOST * sizeof *firsts);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!everybody || !times || !firsts || epoll < 0)
        die("start");
    double begin = now();
    for (long i = 0; i < clients; i++) {
        struct client *c = &everybody[i];
        c->fd = connected(SOCK_STREAM, port);
        c->sampled = i % (clients > SAMPLE ? clients / SAMPLE : 1) == 0;
        if (c->sampled && !(c->line = malloc(LONGEST)))
            die("malloc");
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event) < 0)
            die("epoll_ctl");
        if (i % 4 == 3) /* no more at once than the smallest accept queue holds */
            while (turn(0.001) > 0)
                ;
    }
    double last = now();
    while (now() - last < 1.5) /* longer than a server may collect what it says of those who come */
        if (turn(0.05) > 0)
            last = now();
    printf("%.3f\n", last - begin);
    fflush(stdout);
    char command[100];
    while (fgets(command, sizeof command, stdin)) {
        double seconds, rate;
        long lines;
        if (sscanf(command, "lines %ld %lf", &lines, &seconds) == 2)
            in_a_loop(lines, seconds);
        else if (sscanf(command, "rate %lf %lf", &rate, &seconds) == 2)
            paced(rate, seconds);
        else
            fail("lines N SECONDS, or rate R SECONDS");
        fflush(stdout);
    }
}
