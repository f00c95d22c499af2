/* SQLite alone, for comparison: reads files of sales (user,kind,amount,id) into the table s and those of users (user,name) into u
 * of a database in memory, and writes the rows of a query with tabs. usage: sqlite_query QUERY SALES... -- USERS... > FILE */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 4 };

static void must(sqlite3 *db, int is_done)
{
    if (is_done)
        return;
    fprintf(stderr, "%s\n", sqlite3_errmsg(db));
    exit(1);
}

static void add_line(sqlite3 *db, sqlite3_stmt *insert, char *line, int columns)
{
    for (int i = 0; i < columns; i++) {
        char *end = line + strcspn(line, ",\n");
        if (i < 2)
            sqlite3_bind_text(insert, i + 1, line, (int)(end - line), SQLITE_STATIC);
        else
            sqlite3_bind_int64(insert, i + 1, strtoll(line, NULL, 10));
        line = end + (*end != 0);
    }
    must(db, sqlite3_step(insert) == SQLITE_DONE);
    sqlite3_reset(insert);
}

static void load(sqlite3 *db, const char *path, const char *statement, int columns)
{
    sqlite3_stmt *insert;
    char line[1024];
    FILE *file = fopen(path, "r");
    must(db, file && sqlite3_prepare_v2(db, statement, -1, &insert, NULL) == SQLITE_OK);
    for (int first = 1; fgets(line, sizeof line, file); first = 0)
        if (!first)
            add_line(db, insert, line, columns);
    sqlite3_finalize(insert);
    fclose(file);
}

static void write_rows(sqlite3 *db, const char *query)
{
    sqlite3_stmt *rows;
    int r;
    must(db, sqlite3_prepare_v2(db, query, -1, &rows, NULL) == SQLITE_OK);
    while ((r = sqlite3_step(rows)) == SQLITE_ROW)
        for (int i = 0, width = sqlite3_column_count(rows); i < width; i++) {
            const char *text = (const char *)sqlite3_column_text(rows, i);
            fputs(text ? text : "\\N", stdout);
            putchar(i + 1 < width ? '\t' : '\n');
        }
    must(db, r == SQLITE_DONE);
    sqlite3_finalize(rows);
}

int main(int argc, char **argv)
{
    sqlite3 *db;
    int i = 2;
    if (argc < 3 || sqlite3_open(":memory:", &db) != SQLITE_OK)
        return 2;
    must(db, sqlite3_exec(db, "CREATE TABLE s(user, kind, amount, id); CREATE TABLE u(user, name); BEGIN",
                          NULL, NULL, NULL) == SQLITE_OK);
    for (; i < argc && strcmp(argv[i], "--") != 0; i++)
        load(db, argv[i], "INSERT INTO s VALUES (?, ?, ?, ?)", COLUMNS);
    for (i++; i < argc; i++)
        load(db, argv[i], "INSERT INTO u VALUES (?, ?)", 2);
    write_rows(db, argv[1]);
    return sqlite3_close(db) == SQLITE_OK ? 0 : 1;
}
