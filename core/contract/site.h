/* Where in the job something was said: for errors and dead letters. Strings live as long as the graph. */
#pragma once

struct sl_site {
    const char *name; /* of the operator, as users type it: "flatMap" */
    const char *file; /* of the job, "" where unknown */
    int line;         /* 0 where unknown */
};
