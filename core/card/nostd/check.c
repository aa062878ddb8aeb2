/* Runs the card that was linked without std; tells the RAM of its applet and ends with 0 if all went well.
   cc core/card/nostd/check.c <target>/debug/libzeni_card_nostd.a -o check -lpthread && ./check */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

unsigned zeni_card_check(void);
unsigned zeni_card_ram(unsigned stage);
unsigned zeni_card_memory(void);

enum { STACK = 1 << 20, PAINT = 0xa5 };
static unsigned char stack[STACK] __attribute__((aligned(4096)));
static unsigned result;

static void *run(void *none) {
    result = zeni_card_check();
    return none;
}

int main(void) {
    pthread_t thread;
    pthread_attr_t attributes;
    size_t untouched = 0;
    memset(stack, PAINT, sizeof stack);
    pthread_attr_init(&attributes);
    if (pthread_attr_setstack(&attributes, stack, sizeof stack) || pthread_create(&thread, &attributes, run, 0)) return 2;
    pthread_join(thread, 0);
    while (untouched < sizeof stack && stack[untouched] == PAINT) untouched++;
    static const char *const stages[] = {"payments and loads", "filter", "hand-in of 64", "export", "import"};
    printf("result %u, stack with its host %zu bytes, memory %u bytes\n", result, sizeof stack - untouched,
           zeni_card_memory());
    for (unsigned stage = 0; stage < sizeof stages / sizeof *stages; stage++)
        printf("heap of the applet, %s: %u bytes\n", stages[stage], zeni_card_ram(stage));
    return (int)result;
}
