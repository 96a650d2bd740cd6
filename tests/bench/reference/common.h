/* What the reference programs share. Everything here talks to 127.0.0.1 and nothing else. */
#ifndef COMMON_H
#define COMMON_H

#define _GNU_SOURCE /* recvmmsg, sendmmsg, accept4 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static inline void die(const char *what)
{
    perror(what);
    exit(1);
}

static inline void fail(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(1);
}

/* The argument at `index` as a number from `low` to `high`. */
static inline long number(char **argv, int index, long low, long high)
{
    char *end;
    long value = argv[index] ? strtol(argv[index], &end, 10) : low - 1;
    if (value < low || value > high || *end) {
        fprintf(stderr, "%s: argument %d is to be a number from %ld to %ld\n", argv[0], index, low, high);
        exit(2);
    }
    return value;
}

/* The argument at `index` as a time: `2`, `0.5`. */
static inline double seconds_at(char **argv, int index)
{
    char *end;
    double value = argv[index] ? strtod(argv[index], &end) : 0;
    if (!(value > 0 && value <= 3600) || *end) {
        fprintf(stderr, "%s: argument %d is to be a time in seconds, over 0 and up to 3600\n", argv[0], index);
        exit(2);
    }
    return value;
}

static inline double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static inline struct sockaddr_in loopback(long port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

/* A server's socket, bound to the port (0: any free one). */
static inline int bound(int type, long port)
{
    struct sockaddr_in address = loopback(port);
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0)
        die("bind");
    return fd;
}

/* One line with the real port; said when the socket is ready, so whoever reads it may connect. */
static inline void say_port(int fd)
{
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &size) < 0)
        die("getsockname");
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
}

static inline void set_nonblocking(int fd)
{
    int one = 1;
    if (ioctl(fd, FIONBIO, &one) < 0)
        die("FIONBIO");
}

/* A client's socket, connected and blocking, but no longer than 5 s: a server that is stuck ends the program. */
static inline int connected(int type, long port)
{
    struct sockaddr_in address = loopback(port);
    struct timeval limit = {.tv_sec = 5};
    int one = 1, fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
        die("connect");
    if (type == SOCK_STREAM && setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) < 0)
        die("TCP_NODELAY");
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) < 0)
        die("SO_RCVTIMEO");
    return fd;
}

/* As many descriptors as the system allows this process. */
static inline void raise_nofile(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        die("getrlimit");
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        die("setrlimit");
}

/* Bytes that do not repeat within `size`, so a shifted or mixed-up reply is seen (xorshift32). */
static inline void fill(unsigned char *bytes, size_t size, uint32_t seed)
{
    uint32_t x = seed * 2654435761u + 1;
    for (size_t i = 0; i < size; i++) {
        x ^= x << 13, x ^= x >> 17, x ^= x << 5;
        bytes[i] = x;
    }
}

#endif
