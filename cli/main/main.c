#include "cli/commands.h"

int main(int argc, char **argv)
{
    return sl_program_main((size_t)argc, (const char *const *)argv);
}
