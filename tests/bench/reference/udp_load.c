/* Load for a UDP echo server: a window of datagrams is kept under way, with sendmmsg(2) and recvmmsg(2).
 *
 *   udp_load PORT SIZE SECONDS [WINDOW=64]     prints: echoes, lost, seconds
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

#define MOST 64
#define SIZE 65536

static char out[SIZE], in[MOST][SIZE];
static struct iovec to[MOST], from[MOST];
static struct mmsghdr sending[MOST], receiving[MOST];

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

int main(int count, char **words)
{
    if (count < 4)
        return fputs("usage: udp_load PORT SIZE SECONDS [WINDOW]\n", stderr), 2;
    int fd = socket(AF_INET, SOCK_DGRAM, 0), size = atoi(words[2]), big = 1 << 20;
    int window = count > 4 ? atoi(words[4]) : MOST;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {0, 200000};
    address.sin_port = htons(atoi(words[1]));
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &big, sizeof big);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &big, sizeof big);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(fd, (void *)&address, sizeof address))
        return perror("udp_load"), 1;
    for (int i = 0; i < MOST; i++) {
        to[i] = (struct iovec){out, size};
        from[i] = (struct iovec){in[i], SIZE};
        sending[i].msg_hdr.msg_iov = &to[i];
        receiving[i].msg_hdr.msg_iov = &from[i];
        sending[i].msg_hdr.msg_iovlen = receiving[i].msg_hdr.msg_iovlen = 1;
    }
    long echoes = 0, lost = 0;
    int under_way = 0;
    double start = now(), end = start + atof(words[3]);
    while (now() < end) {
        int sent = under_way < window ? sendmmsg(fd, sending, window - under_way, 0) : 0;
        if (sent > 0)
            under_way += sent;
        int got = recvmmsg(fd, receiving, MOST, MSG_WAITFORONE, NULL);
        if (got > 0) {
            echoes += got;
            under_way -= got;
        } else {
            lost += under_way;
            under_way = 0;
        }
    }
    printf("%ld %ld %.3f\n", echoes, lost, now() - start);
    return 0;
}
