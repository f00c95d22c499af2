/* Object files as an output writes them (text/object_file.h). */
#include "output/container.h"
#include "text/object_file.h"

#include <stdlib.h>

struct object {
    struct sl_object_writer writer;
    bool has_head;
};

static void *open_batch(const struct sl_save_settings *settings, const char *name)
{
    (void)settings;
    (void)name; /* the bytes depend on the rows alone */
    return calloc(1, sizeof(struct object));
}

static void begin_part(void *state, size_t index)
{
    struct object *object = state;
    (void)index;
    object->has_head = false;
}

static int write_head(struct object *object, struct sl_buf *out, struct sl_error *err)
{
    if (object->has_head)
        return 0;
    object->has_head = true;
    return sl_object_write_head(&object->writer, out, err);
}

/* An upper bound of what a field takes in a row. */
static uint64_t bytes_of(const struct sl_field *field)
{
    enum { HEAD_MAX = 11 };
    uint64_t bytes = HEAD_MAX + (field->tag == SL_STR ? field->len : 0);
    size_t items = field->tag == SL_MAP ? 2 * (size_t)field->len : field->tag == SL_LIST ? field->len : 0;
    for (size_t i = 0; i < items; i++)
        bytes += bytes_of(&field->items[i]);
    return bytes;
}

static int write_row(void *state, const struct sl_field *fields, uint32_t width, struct sl_task *task,
                     struct sl_buf *out)
{
    struct object *object = state;
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < width; i++)
        bytes += bytes_of(&fields[i]);
    if (bytes >= SL_OBJECT_ROW_BYTES_MAX)
        return sl_task_explain(task, "a record of about %llu bytes; object files take less than %d",
                               (unsigned long long)bytes, SL_OBJECT_ROW_BYTES_MAX);
    int r = write_head(object, out, task->err);
    return r < 0 ? r : sl_object_write_row(&object->writer, fields, width, out, task->err);
}

static int end_part(void *state, struct sl_buf *out, struct sl_error *err)
{
    struct object *object = state;
    int r = write_head(object, out, err);
    return r < 0 ? r : sl_object_write_end(&object->writer, out, err);
}

static void close_batch(void *state)
{
    struct object *object = state;
    if (object)
        sl_object_writer_done(&object->writer);
    free(object);
}

const struct sl_container sl_container_object = {
    .name = "object",
    .open = open_batch,
    .part = begin_part,
    .row = write_row,
    .end = end_part,
    .close = close_batch,
};
