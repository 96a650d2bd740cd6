/* A UDP echo server with recvmmsg(2) and sendmmsg(2).
 *
 *   udp_mmsg        prints the port it is bound to, and serves until it is killed
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>

#define BATCH 64
#define SIZE 65536

static char buffers[BATCH][SIZE];
static struct sockaddr_in peers[BATCH];
static struct iovec vectors[BATCH];
static struct mmsghdr headers[BATCH];

int main(void)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0), size = 1 << 20;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    if (bind(fd, (void *)&address, length))
        return perror("udp_mmsg"), 1;
    getsockname(fd, (void *)&address, &length);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);

    for (int i = 0; i < BATCH; i++) {
        vectors[i].iov_base = buffers[i];
        headers[i].msg_hdr.msg_iov = &vectors[i];
        headers[i].msg_hdr.msg_iovlen = 1;
        headers[i].msg_hdr.msg_name = &peers[i];
    }
    for (;;) {
        for (int i = 0; i < BATCH; i++) {
            vectors[i].iov_len = SIZE;
            headers[i].msg_hdr.msg_namelen = sizeof peers[i];
        }
        int got = recvmmsg(fd, headers, BATCH, MSG_WAITFORONE, NULL);
        for (int i = 0; i < got; i++)
            vectors[i].iov_len = headers[i].msg_len;
        if (got > 0)
            sendmmsg(fd, headers, got, 0);
    }
}
