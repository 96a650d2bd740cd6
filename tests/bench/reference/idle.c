/* idle PORT COUNT: opens COUNT connections, has one byte echoed on each, says so with a line (the count), and keeps
 * them open until its standard input ends. */

#include "common.h"

int main(int argc, char **argv)
{
    (void)argc;
    raise_nofile();
    long port = number(argv, 1, 1, 65535), count = number(argv, 2, 1, 1000000);
    for (long i = 0; i < count; i++) {
        int fd = connected(SOCK_STREAM, port);
        char sent = i, got;
        if (send(fd, &sent, 1, MSG_NOSIGNAL) != 1 || recv(fd, &got, 1, 0) != 1 || got != sent) {
            fprintf(stderr, "connection %ld of %ld: no echo\n", i + 1, count);
            return 1;
        }
    }
    printf("%ld\n", count);
    fflush(stdout);
    char rest[64];
    while (read(0, rest, sizeof rest) > 0)
        ;
}
