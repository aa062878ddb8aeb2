/* Runs the card that was linked without std; ends with 0 if all went well.
   cc core/card/nostd/check.c <target>/debug/libzeni_card_nostd.a -o check && ./check */
unsigned zeni_card_check(void);

int main(void) { return (int)zeni_card_check(); }
