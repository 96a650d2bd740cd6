/* chat_load PORT CLIENTS SIZE [irc]: so many clients of a chat server, who say lines of SIZE bytes in turn; with irc
 * they register, join a channel, and what they say there is counted (RFC 2812); SIZE is that of the text alone.
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

enum { EVENTS = 256, BUFFER = 256 * 1024, MOST = 4000000, SAMPLE = 100, LONGEST = 4000, IRC_LONGEST = 400 };

struct client {
    int fd, sampled, kept; /* kept: bytes of an unfinished line of one whose lines are looked at */
    char *line;
};

static int epoll, irc;
static const char *before = ""; /* what makes a line of what is said */
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

/* Whether the line was said by a client; what else IRC's servers say is answered, where it is to be, and not counted. */
static int counts(struct client *c, const char *line, size_t length)
{
    if (irc && length > 5 && !memcmp(line, "PING ", 5)) {
        put(c->fd, "PONG ", 5);
        put(c->fd, line + 5, length - 5);
        put(c->fd, "\n", 1);
    }
    if (irc && !memmem(line, length, " PRIVMSG ", 9))
        return 0;
    if (c->sampled)
        look(line, length);
    return 1;
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
        if (c->line && c->kept) {
            size_t rest = newline - begin < LONGEST - c->kept ? newline - begin : LONGEST - c->kept;
            memcpy(c->line + c->kept, begin, rest);
            lines += counts(c, c->line, c->kept + rest);
            c->kept = 0;
        } else
            lines += counts(c, begin, newline - begin);
        begin = newline + 1;
    }
    if (c->line && begin < end) {
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
    long head = strlen(before), each = head + size + 1;
    char *message = malloc(lines * each);
    if (!message)
        die("malloc");
    for (long i = 0; i < lines; i++) {
        memcpy(message + i * each, before, head);
        memset(message + i * each + head, 'a' + i % 26, size);
        message[i * each + head + size] = '\n';
    }
    long rounds = 0;
    double begin = now(), at = begin;
    every = 0;
    while (at < begin + seconds && rounds < MOST) {
        double sent = at;
        put(everybody[round++ % clients].fd, message, lines * each);
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
    char line[LONGEST + 100];
    long sent = 0, got = 0, head = strlen(before), whole = head + size;
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
        int length = snprintf(line, sizeof line, "%sn=%ld ", before, sent);
        memset(line + length, 'x', length < whole ? whole - length : 0);
        line[whole > length ? whole : length] = '\n';
        put(everybody[sent % clients].fd, line, (whole > length ? whole : length) + 1);
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

/* Read until one of the numbers that end an answer comes (RFC 2812, 5.1). */
static void await_reply(int fd, const char *number, const char *other)
{
    char text[BUFFER / 8];
    size_t length = 0;
    while (!(memmem(text, length, number, strlen(number)) || memmem(text, length, other, strlen(other)))) {
        ssize_t got = length < sizeof text ? recv(fd, text + length, sizeof text - length, 0) : 0;
        if (got <= 0) {
            fprintf(stderr, "no %s came: %.*s\n", number, (int)length, text);
            exit(1);
        }
        char *ping = memmem(text + length, got, "PING ", 5); /* some want to be answered before they welcome one */
        length += got;
        if (ping) {
            char *end = memchr(ping, '\n', text + length - ping);
            put(fd, "PONG ", 5);
            put(fd, ping + 5, (end ? end : text + length - 1) - ping - 4);
        }
    }
}

/* One after the other, as the queues of IRC servers are short. */
static void enter_channel(int fd, long number)
{
    char text[100];
    put(fd, text, snprintf(text, sizeof text, "NICK c%ld\r\nUSER bench 0 * :bench\r\n", number));
    await_reply(fd, " 376 ", " 422 "); /* the end of the message of the day, or that there is none */
    put(fd, "JOIN #bench\r\n", 13);
    await_reply(fd, " 366 ", " 366 "); /* the end of who is there */
}

int main(int argc, char **argv)
{
    raise_nofile();
    irc = argc > 4 && !strcmp(argv[4], "irc");
    if (irc)
        before = "PRIVMSG #bench :";
    long port = number(argv, 1, 1, 65535);
    clients = number(argv, 2, 2, 100000);
    size = number(argv, 3, 1, irc ? IRC_LONGEST : LONGEST);
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
        if ((c->sampled || irc) && !(c->line = malloc(LONGEST)))
            die("malloc");
        if (irc)
            enter_channel(c->fd, i);
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
