/* The least that a firmware links, for its size:
   cc -Os -Wl,--gc-sections core/card/nostd/size.c <target>/release/libzeni_card_nostd.a -o applet && size applet */
#include <stddef.h>

size_t zeni_card_process(const unsigned char *command, size_t len, unsigned char *reply, size_t room);

int main(void) {
    static unsigned char command[5] = {0x80, 0x2a, 0, 0, 0}, reply[64];
    return (int)zeni_card_process(command, sizeof command, reply, sizeof reply);
}
