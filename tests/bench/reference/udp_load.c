/* udp_load PORT SIZE WINDOW SECONDS: keeps WINDOW datagrams of SIZE bytes under way with sendmmsg and recvmmsg.
 *
 * A new datagram goes out for each that came back whole and right. What has not come after 200 ms of silence counts as
 * lost, and the window is filled again. Prints `ECHOES SECONDS LOST`. */

#include "common.h"
#include <poll.h>

enum { BATCH = 64, LARGEST = 65507 };

static unsigned char out[BATCH][LARGEST], in[BATCH][LARGEST + 1];

int main(int argc, char **argv)
{
    struct iovec out_parts[BATCH], in_parts[BATCH];
    struct mmsghdr sending[BATCH] = {0}, receiving[BATCH] = {0};
    (void)argc;
    long port = number(argv, 1, 1, 65535);
    size_t size = number(argv, 2, sizeof(uint64_t), LARGEST);
    long window = number(argv, 3, 1, BATCH);
    double seconds = seconds_at(argv, 4);
    struct pollfd server = {.fd = connected(SOCK_DGRAM, port), .events = POLLIN};
    set_nonblocking(server.fd);
    for (int i = 0; i < BATCH; i++) {
        fill(out[i], size, 1); /* the same in each, but for the number in front: any of them checks any reply */
        out_parts[i] = (struct iovec){out[i], size};
        in_parts[i] = (struct iovec){in[i], sizeof in[i]};
        sending[i].msg_hdr = (struct msghdr){.msg_iov = &out_parts[i], .msg_iovlen = 1};
        receiving[i].msg_hdr = (struct msghdr){.msg_iov = &in_parts[i], .msg_iovlen = 1};
    }
    uint64_t next = 0, echoes = 0, lost = 0;
    long free_places = window;
    double start = now(), end;
    while ((end = now()) < start + seconds) {
        for (long i = 0; i < free_places; i++, next++)
            memcpy(out[i], &next, sizeof next);
        for (long done = 0; done < free_places;) {
            int n = sendmmsg(server.fd, sending + done, free_places - done, 0);
            if (n < 0 && errno != EAGAIN)
                die("sendmmsg");
            done += n > 0 ? n : 0;
        }
        free_places = 0;
        int n = poll(&server, 1, 200);
        if (n == 0) { /* silence: none of the window comes any more */
            lost += window;
            free_places = window;
            continue;
        }
        n = recvmmsg(server.fd, receiving, BATCH, 0, NULL);
        if (n < 0) {
            if (errno != EAGAIN)
                die("recvmmsg");
            continue;
        }
        for (int i = 0; i < n; i++) {
            uint64_t sequence;
            memcpy(&sequence, in[i], sizeof sequence);
            if (receiving[i].msg_len != size || sequence >= next ||
                memcmp(in[i] + sizeof sequence, out[0] + sizeof sequence, size - sizeof sequence) != 0)
                fail("the echo differs from what was sent");
        }
        echoes += n;
        free_places = n;
    }
    if (!echoes)
        fail("no echo at all");
    printf("%llu %.6f %llu\n", (unsigned long long)echoes, end - start, (unsigned long long)lost);
}
