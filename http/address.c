#include "http/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The port after the last colon, or the whole text; -1: it is none. *ret_host: what is before it. */
static int split(const char *text, size_t *ret_host)
{
    const char *colon = strrchr(text, ':');
    const char *digits = colon ? colon + 1 : text;
    *ret_host = colon ? (size_t)(colon - text) : 0;
    size_t len = strspn(digits, "0123456789");
    if (!len || digits[len] || len > 5)
        return -1;
    long port = strtol(digits, NULL, 10);
    return port > UINT16_MAX ? -1 : (int)port;
}

static bool set_ipv4(const char *host, int port, struct sl_http_place *ret)
{
    struct sockaddr_in *in = (struct sockaddr_in *)&ret->address;
    *in = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    ret->len = sizeof *in;
    if (inet_pton(AF_INET, host, &in->sin_addr) != 1)
        return false;
    ret->is_loopback = (ntohl(in->sin_addr.s_addr) >> 24) == 127;
    return true;
}

static bool set_ipv6(const char *host, int port, struct sl_http_place *ret)
{
    struct sockaddr_in6 *in = (struct sockaddr_in6 *)&ret->address;
    *in = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    ret->len = sizeof *in;
    if (inet_pton(AF_INET6, host, &in->sin6_addr) != 1)
        return false;
    ret->is_loopback = IN6_IS_ADDR_LOOPBACK(&in->sin6_addr);
    return true;
}

int sl_http_place_parse(const char *text, struct sl_http_place *ret, struct sl_error *err)
{
    char host[INET6_ADDRSTRLEN + 2] = "";
    size_t len;
    int port = split(text, &len);
    *ret = (struct sl_http_place){0};
    if (port >= 0 && len < sizeof host) {
        memcpy(host, text, len);
        bool is_local = !len || strcasecmp(host, "localhost") == 0;
        bool has_brackets = len > 2 && host[0] == '[' && host[len - 1] == ']';
        if (has_brackets) {
            host[len - 1] = '\0';
            if (set_ipv6(host + 1, port, ret))
                return 0;
        } else if (set_ipv4(is_local ? "127.0.0.1" : host, port, ret)) {
            return 0;
        }
    }
    return sl_error_set(
        err, SL_EUSAGE,
        "%s is not an address to listen at; write a port, \"127.0.0.1:9464\" or \"[::1]:9464\"", text);
}

void sl_http_place_name(int fd, char *text, size_t size)
{
    struct sockaddr_storage address = {0};
    socklen_t len = sizeof address;
    char host[INET6_ADDRSTRLEN] = "?";
    if (getsockname(fd, (struct sockaddr *)&address, &len) < 0)
        address.ss_family = AF_UNSPEC;
    const struct sockaddr_in *in = (const struct sockaddr_in *)&address;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&address;
    bool is_ipv6 = address.ss_family == AF_INET6;
    inet_ntop(address.ss_family, is_ipv6 ? (const void *)&in6->sin6_addr : (const void *)&in->sin_addr, host,
              sizeof host);
    snprintf(text, size, is_ipv6 ? "[%s]:%u" : "%s:%u", host, ntohs(is_ipv6 ? in6->sin6_port : in->sin_port));
}

bool sl_http_is_local_name(const char *host)
{
    static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t len = strlen(names[i]);
        if (strncasecmp(host, names[i], len) == 0 &&
            (!host[len] ||
             (host[len] == ':' && strspn(host + len + 1, "0123456789") == strlen(host + len + 1))))
            return true;
    }
    return false;
}
