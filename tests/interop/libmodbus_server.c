/*
 * A Modbus device made of libmodbus, for the test of interoperability: values in every type that the test asks for, and coils that
 * may be written.
 *
 *     libmodbus_server tcp PORT           on loopback, several connections
 *     libmodbus_server rtu DEVICE UNIT    9600 8N1
 *
 * Says "ready" once it can be asked, and "coil N is V" whenever a coil has been written. Ends when it is killed.
 */

#include <errno.h>
#include <modbus/modbus.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { COILS = 8, DISCRETES = 8, HOLDINGS = 10, INPUTS = 2, CONNECTIONS = 8 };

static modbus_mapping_t *mapping;

static void fail(const char *what)
{
    fprintf(stderr, "libmodbus_server: %s: %s\n", what, modbus_strerror(errno));
    exit(1);
}

/*
 * What modbus_south.py expects to read. Beyond the last register libmodbus answers "illegal data address". Floats are spelled out:
 * on little-endian machines libmodbus 3.1.6 has the bytes of each word the other way round than its functions' names say.
 */
static void fill(void)
{
    static const uint16_t holding[HOLDINGS] = {
        50000, (uint16_t) -1234,
        0x4148, 0x0000, /* 12.5 as ABCD */
        0x0000, 0xBF40, /* -0.75 as CDAB */
        0x9A44, 0x0050, /* 1234.5 as BADC */
        0x0040, 0x00C5, /* -2052.0 as DCBA */
    };

    mapping = modbus_mapping_new(COILS, DISCRETES, HOLDINGS, INPUTS);
    if (mapping == NULL)
        fail("no mapping");
    memcpy(mapping->tab_registers, holding, sizeof holding);
    mapping->tab_bits[1] = 1;
    mapping->tab_input_bits[0] = 1;
    mapping->tab_input_bits[7] = 1;
}

/* Answers a question; the first input register counts them. */
static void answer(modbus_t *modbus, const uint8_t *question, int length)
{
    uint8_t before[COILS];
    int coil;

    mapping->tab_input_registers[0]++;
    memcpy(before, mapping->tab_bits, COILS);
    if (modbus_reply(modbus, question, length, mapping) == -1)
        fprintf(stderr, "libmodbus_server: no reply: %s\n", modbus_strerror(errno));
    for (coil = 0; coil < COILS; coil++)
        if (before[coil] != mapping->tab_bits[coil])
            printf("coil %d is %d\n", coil, mapping->tab_bits[coil]);
}

static void serve_tcp(int port)
{
    uint8_t question[MODBUS_TCP_MAX_ADU_LENGTH];
    struct pollfd ends[1 + CONNECTIONS];
    modbus_t *modbus = modbus_new_tcp("127.0.0.1", port);
    int count = 1, n, length;

    if (modbus == NULL || (ends[0].fd = modbus_tcp_listen(modbus, CONNECTIONS)) == -1)
        fail("can't listen");
    ends[0].events = POLLIN;
    puts("ready");
    for (;;) {
        if (poll(ends, (nfds_t) count, -1) == -1)
            fail("poll");
        for (n = count - 1; n > 0; n--) {
            if (ends[n].revents == 0)
                continue;
            modbus_set_socket(modbus, ends[n].fd);
            length = modbus_receive(modbus, question);
            if (length > 0) {
                answer(modbus, question, length);
            } else if (length == -1) {
                close(ends[n].fd);
                ends[n] = ends[--count];
            }
        }
        if (ends[0].revents != 0 && count <= CONNECTIONS) {
            n = ends[0].fd;
            ends[count].fd = modbus_tcp_accept(modbus, &n);
            ends[count].events = POLLIN;
            ends[count].revents = 0;
            count += ends[count].fd != -1;
        }
    }
}

static void serve_rtu(const char *device, int unit)
{
    uint8_t question[MODBUS_RTU_MAX_ADU_LENGTH];
    modbus_t *modbus = modbus_new_rtu(device, 9600, 'N', 8, 1);
    int length;

    if (modbus == NULL || modbus_set_slave(modbus, unit) == -1 || modbus_connect(modbus) == -1)
        fail("can't open the line");
    puts("ready");
    for (;;) {
        length = modbus_receive(modbus, question);
        if (length > 0)
            answer(modbus, question, length);
        else if (length == -1 && (errno == EBADF || errno == EIO || errno == ECONNRESET))
            fail("the line is gone");
    }
}

int main(int count, char **words)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (count == 3 && strcmp(words[1], "tcp") == 0) {
        fill();
        serve_tcp(atoi(words[2]));
    } else if (count == 4 && strcmp(words[1], "rtu") == 0) {
        fill();
        serve_rtu(words[2], atoi(words[3]));
    }
    fputs("libmodbus_server tcp PORT | rtu DEVICE UNIT\n", stderr);
    return 2;
}
