/* Rows travel in chunks: up to SL_CHUNK_ROWS rows of one width, column by column.
 *
 * A chunk given to push() is borrowed until push() returns: columns, fields and the bytes they point to.
 * Columns may be shared between chunks (map(pair(1)) reuses its input's column), so an operator never writes to a chunk
 * it was given. An operator that keeps rows copies them (sl_rows_append, core/rows/rows.h).
 *
 * Where rows come from a file or a received source through narrow operators, `origin` names it and `line` holds,
 * per row, the number of the line within the split, from 0; both NULL elsewhere. After withWatermark `time` holds
 * the event time of each row; NULL elsewhere. */
#pragma once

#include "core/base/limits.h"
#include "core/rows/field.h"

struct sl_node;

/* Where the rows of one partition come from: for dead letters. A file, or a source of numbered records. */
struct sl_origin {
    const char *path;    /* of a file, as the job would name it; NULL: records of a source */
    int64_t mtime_ms;    /* of the file, for meta = true */
    uint32_t first_task; /* the partition of the file's first split; lines of the splits between add up */
    const char *source;  /* its name, where path is NULL */
    uint64_t first;      /* a row's line counts from this number of a record */
    const char *place;   /* members of a JSON object to show before "offset" (first + line), in place of the
                            number; NULL: the number is shown */
    const struct sl_node *node; /* of the source of files; NULL: not known */
    bool once_more;             /* a dead letter that is replayed */
    struct sl_field header; /* csv: the header as it is in the file, for dead letters of the source; nil */
};

struct sl_chunk {
    uint32_t rows;
    uint32_t width; /* 0 only where rows is 0 */
    const struct sl_origin *origin;
    const uint32_t *line;
    const int64_t *time; /* ms since the epoch */
    const struct sl_field *column[SL_WIDTH_MAX];
};

/* Where an operator's rows go. Returns SL_OK or a batch failure. */
struct sl_outlet {
    int (*push)(struct sl_outlet *outlet, const struct sl_chunk *chunk);
};

static inline int sl_push(struct sl_outlet *outlet, const struct sl_chunk *chunk)
{
    return chunk->rows ? outlet->push(outlet, chunk) : 0;
}

#define SL_NO_TIME INT64_MIN

/* The event time of a row, or SL_NO_TIME. */
static inline int64_t sl_chunk_time(const struct sl_chunk *chunk, uint32_t row)
{
    return chunk->time ? chunk->time[row] : SL_NO_TIME;
}

/* Copies row `row` of a chunk into fields[width]. */
static inline void sl_chunk_row(const struct sl_chunk *chunk, uint32_t row, struct sl_field *fields)
{
    for (uint32_t c = 0; c < chunk->width; c++)
        fields[c] = chunk->column[c][row];
}

/* The value of a pair in row `row`: field 2, or the fields after the key as a list whose items are written to
 * items[SL_WIDTH_MAX] (borrowed by the returned field). width must be at least 2. */
struct sl_field sl_chunk_value(const struct sl_chunk *chunk, uint32_t row, struct sl_field *items);

/* The whole record as one field: its only field, or a list whose items are written to items[SL_WIDTH_MAX]. */
struct sl_field sl_chunk_record(const struct sl_chunk *chunk, uint32_t row, struct sl_field *items);

struct sl_arena;

/* The rows of `in` with the given numbers, as a chunk whose columns are in the arena. False: out of memory. */
bool sl_chunk_gather(struct sl_arena *arena, const struct sl_chunk *in, const uint16_t *rows, uint32_t count,
                     struct sl_chunk *ret);

/* Collects rows into chunks and pushes each that is full; a row of another width starts a new one. What the
 * fields point to must live until the chunk was pushed: finish with sl_builder_flush before returning. */
struct sl_builder {
    struct sl_chunk chunk;
    struct sl_outlet *outlet;
    uint32_t columns;                       /* allocated */
    struct sl_field *storage[SL_WIDTH_MAX]; /* columns of SL_CHUNK_ROWS fields, allocated when first needed */
    int64_t now;                            /* event time of the rows that are added next */
    uint32_t stamped;                       /* rows that have theirs */
    uint32_t line[SL_CHUNK_ROWS];
    int64_t time[SL_CHUNK_ROWS];
};

/* What must be clear of one whose bytes are anything; large arrays, written before they are read, come after it. */
#define SL_BUILDER_CLEARED offsetof(struct sl_builder, line)

void sl_builder_init(struct sl_builder *builder, struct sl_outlet *outlet);
void sl_builder_done(struct sl_builder *builder);

/* Rows to come belong to the same file as those of `in`. Call at the start of every push. */
static inline void sl_builder_origin(struct sl_builder *builder, const struct sl_chunk *in)
{
    builder->chunk.origin = in->origin;
    builder->chunk.line = in->line ? builder->line : NULL;
    builder->chunk.time = in->time ? builder->time : NULL;
}

/* Rows added since the last call, or flush, get the time that was given before. */
static inline void sl_builder_stamp(struct sl_builder *builder)
{
    for (; builder->stamped < builder->chunk.rows; builder->stamped++)
        builder->time[builder->stamped] = builder->now;
}

/* Rows to come are made of row `row` of `in` and have its event time. */
static inline void sl_builder_row(struct sl_builder *builder, const struct sl_chunk *in, uint32_t row)
{
    if (!in->time)
        return;
    sl_builder_stamp(builder);
    builder->now = in->time[row];
}

/* Pushes what was collected. */
int sl_builder_flush(struct sl_builder *builder);

/* Makes room for a row of `width` fields: 0, or a failure (SL_ENOMEM, or what push gave). Afterwards the
 * caller writes builder->storage[0..width-1][builder->chunk.rows] and builder->line[...] and adds one to
 * chunk.rows. */
int sl_builder_room_slow(struct sl_builder *builder, uint32_t width);

static inline int sl_builder_room(struct sl_builder *builder, uint32_t width)
{
    if (builder->chunk.width == width && builder->chunk.rows < SL_CHUNK_ROWS)
        return 0;
    return sl_builder_room_slow(builder, width);
}

/* Adds a row: width 1..SL_WIDTH_MAX. `line` is ignored where rows have no origin. */
static inline int sl_builder_add(struct sl_builder *builder, const struct sl_field *fields, uint32_t width,
                                 uint32_t line)
{
    int r = sl_builder_room(builder, width);
    if (r < 0)
        return r;
    uint32_t row = builder->chunk.rows++;
    for (uint32_t c = 0; c < width; c++)
        builder->storage[c][row] = fields[c];
    builder->line[row] = line;
    return 0;
}
