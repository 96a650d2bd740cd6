/* A TCP echo server as a C programmer writes it: one thread, level-triggered epoll(7), one read and one write an event.
 * What a client does not take is kept, and nothing more is read from it until it is gone.
 *
 *   tcp_epoll        prints the port it listens on, and serves until it is killed
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define MOST 65536
#define BUFFER (256 * 1024)

struct client {
    char *left; /* what waits to be written; NULL when nothing does */
    size_t at, size;
};

static struct client clients[MOST];
static char buffer[BUFFER];
static int poller;

static void want(int op, int fd, unsigned events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};
    epoll_ctl(poller, op, fd, &event);
}

static void drop(int fd)
{
    free(clients[fd].left);
    memset(&clients[fd], 0, sizeof clients[fd]);
    close(fd);
}

static void flush(int fd)
{
    struct client *client = &clients[fd];
    ssize_t sent = send(fd, client->left + client->at, client->size - client->at, MSG_NOSIGNAL);
    if (sent < 0) {
        if (errno != EAGAIN)
            drop(fd);
        return;
    }
    client->at += sent;
    if (client->at == client->size) {
        free(client->left);
        client->left = NULL;
        want(EPOLL_CTL_MOD, fd, EPOLLIN);
    }
}

static void echo(int fd)
{
    ssize_t got = recv(fd, buffer, sizeof buffer, 0);
    if (got <= 0) {
        if (got == 0 || errno != EAGAIN)
            drop(fd);
        return;
    }
    ssize_t sent = send(fd, buffer, got, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) {
        drop(fd);
        return;
    }
    if (sent < 0)
        sent = 0;
    if (sent < got) {
        struct client *client = &clients[fd];
        client->size = got - sent;
        client->at = 0;
        client->left = malloc(client->size);
        memcpy(client->left, buffer + sent, client->size);
        want(EPOLL_CTL_MOD, fd, EPOLLOUT);
    }
}

int main(void)
{
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    if (bind(listener, (void *)&address, length) || listen(listener, 1024))
        return perror("tcp_epoll"), 1;
    getsockname(listener, (void *)&address, &length);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);

    poller = epoll_create1(0);
    want(EPOLL_CTL_ADD, listener, EPOLLIN);
    struct epoll_event ready[256];
    for (;;) {
        int count = epoll_wait(poller, ready, 256, -1);
        for (int i = 0; i < count; i++) {
            int fd = ready[i].data.fd;
            if (fd == listener) {
                int client = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
                if (client >= MOST)
                    close(client);
                else if (client >= 0)
                    want(EPOLL_CTL_ADD, client, EPOLLIN);
            } else if (clients[fd].left)
                flush(fd);
            else
                echo(fd);
        }
    }
}
