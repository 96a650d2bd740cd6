/* Load for a TCP echo server, closed loop: each connection sends SIZE bytes, waits for all of them, compares, again.
 *
 *   tcp_load PORT CONNECTIONS SIZE SECONDS      prints echoes a second
 *   tcp_load PORT bulk SECONDS                  one connection, reading and writing at once: MB a second echoed
 *   tcp_load PORT idle CONNECTIONS              one byte echoed on each, prints "ready", holds them until stdin ends
 *
 * Ends with 1 when the server breaks off or a byte comes back wrong.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static void fail(const char *what)
{
    fprintf(stderr, "tcp_load: %s: %s\n", what, errno ? strerror(errno) : "the server broke off");
    exit(1);
}

static int dial(int port)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    address.sin_port = htons(port);
    if (fd < 0 || connect(fd, (void *)&address, sizeof address))
        fail("connect");
    return fd;
}

static int echoes(int port, int connections, int size, double seconds)
{
    char *sent = malloc(size), *back = malloc(size);
    int *got = calloc(connections + 4096, sizeof *got);
    long count = 0;
    int poller = epoll_create1(0);
    for (int i = 0; i < size; i++)
        sent[i] = rand();
    for (int i = 0; i < connections; i++) {
        int fd = dial(port);
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
        if (send(fd, sent, size, 0) != size)
            fail("send");
    }
    double start = now(), end = start + seconds;
    struct epoll_event ready[256];
    while (now() < end) {
        int events = epoll_wait(poller, ready, 256, 2000);
        if (events == 0)
            fail("no echo for 2 s");
        for (int i = 0; i < events; i++) {
            int fd = ready[i].data.fd;
            ssize_t n = recv(fd, back, size - got[fd], 0);
            if (n <= 0)
                fail("recv");
            if (memcmp(back, sent + got[fd], n))
                fail("bytes differ");
            got[fd] += n;
            if (got[fd] == size) {
                got[fd] = 0;
                count++;
                if (send(fd, sent, size, 0) != size)
                    fail("send");
            }
        }
    }
    printf("%.0f\n", count / (now() - start));
    return 0;
}

static int bulk(int port, double seconds)
{
    static unsigned char out[1 << 20], in[1 << 20];
    for (size_t i = 0; i < sizeof out; i++)
        out[i] = i * 2654435761u >> 13;
    int fd = dial(port);
    size_t sent = 0, received = 0;
    double start = now();
    int ended = 0;
    while (!ended || received < sent) {
        struct pollfd ready = {fd, POLLIN | (ended ? 0 : POLLOUT), 0};
        if (poll(&ready, 1, 2000) <= 0)
            fail("nothing for 2 s");
        if (ready.revents & POLLOUT) {
            size_t at = sent % sizeof out;
            ssize_t n = send(fd, out + at, sizeof out - at, MSG_DONTWAIT);
            if (n > 0)
                sent += n;
            if (now() - start >= seconds) {
                shutdown(fd, SHUT_WR);
                ended = 1;
            }
        }
        if (ready.revents & (POLLIN | POLLHUP)) {
            size_t at = received % sizeof out;
            ssize_t n = recv(fd, in, sizeof out - at, MSG_DONTWAIT);
            if (n == 0)
                break;
            if (n > 0 && memcmp(in, out + at, n))
                fail("bytes differ");
            if (n > 0)
                received += n;
        }
    }
    if (received != sent)
        fail("not all came back");
    printf("%.1f\n", received / (now() - start) / 1e6);
    return 0;
}

static int idle(int port, int connections)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    for (int i = 0; i < connections; i++) {
        char byte = i;
        int fd = dial(port);
        if (send(fd, &byte, 1, 0) != 1 || recv(fd, &byte, 1, 0) != 1 || byte != (char)i)
            fail("echo");
    }
    puts("ready");
    fflush(stdout);
    while (getchar() != EOF)
        ;
    return 0;
}

int main(int count, char **words)
{
    if (count == 4 && !strcmp(words[2], "bulk"))
        return bulk(atoi(words[1]), atof(words[3]));
    if (count == 4 && !strcmp(words[2], "idle"))
        return idle(atoi(words[1]), atoi(words[3]));
    if (count == 5)
        return echoes(atoi(words[1]), atoi(words[2]), atoi(words[3]), atof(words[4]));
    fputs("usage: tcp_load PORT CONNECTIONS SIZE SECONDS | PORT bulk SECONDS | PORT idle CONNECTIONS\n", stderr);
    return 2;
}
