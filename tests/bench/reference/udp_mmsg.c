/* udp_mmsg PORT: a UDP echo server, up to 64 datagrams a recvmmsg and a sendmmsg.
 *
 * MSG_WAITFORONE: waits for the first datagram, takes what else is there. */

#include "common.h"

enum { BATCH = 64, LARGEST = 65536 };

static char bytes[BATCH][LARGEST];

int main(int argc, char **argv)
{
    struct sockaddr_in peers[BATCH];
    struct iovec parts[BATCH];
    struct mmsghdr messages[BATCH] = {0};
    (void)argc;
    int fd = bound(SOCK_DGRAM, number(argv, 1, 0, 65535)), room = 1 << 20; /* for a burst between two turns */
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room) < 0)
        die("SO_RCVBUF");
    say_port(fd);
    for (int i = 0; i < BATCH; i++) {
        parts[i] = (struct iovec){bytes[i], LARGEST};
        messages[i].msg_hdr = (struct msghdr){
            .msg_name = &peers[i], .msg_namelen = sizeof peers[i], .msg_iov = &parts[i], .msg_iovlen = 1};
    }
    for (;;) {
        int n = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL);
        if (n < 0) {
            if (errno != EINTR)
                die("recvmmsg");
            continue;
        }
        for (int i = 0; i < n; i++)
            parts[i].iov_len = messages[i].msg_len;
        for (int done = 0; done < n;) {
            int sent = sendmmsg(fd, messages + done, n - done, 0);
            done += sent > 0 ? sent : 1; /* the one that cannot be sent is left out, the rest still goes */
        }
        for (int i = 0; i < n; i++) {
            parts[i].iov_len = LARGEST;
            messages[i].msg_hdr.msg_namelen = sizeof peers[i];
        }
    }
}
