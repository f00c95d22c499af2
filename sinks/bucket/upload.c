/* Bytes are gathered in buffers of SL_UPLOAD_PART_BYTES, or more for the late parts of a very large object, as a server takes
 * 10,000 parts at most. A full buffer is a job in a ring; SL_UPLOAD_THREADS threads take jobs; who fills the ring waits. So
 * memory is bounded by threads + 1 buffers of each upload; of all together only so many are sent at a time as part_pool.h says.
 * Where parts are cut depends on the bytes alone.
 *
 * The thread that sends the last part of an object completes it: a server may copy all its bytes then, while others are sent. */
#ifdef SLUICE_HAS_S3

#include "sinks/bucket/upload.h"

#include "core/base/error.h"
#include "sinks/bucket/leftover.h"
#include "sinks/bucket/multipart.h"
#include "sinks/bucket/part_pool.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { PARTS_OF_ONE_SIZE = 2000, SMALL_BYTES = 1 << 20, HUGE_PAGE = 2 << 20 };

struct sl_upload_object {
    struct sl_upload *upload;
    struct sl_upload_object *next;
    struct sl_multipart multipart;
    struct sl_buf bytes; /* gathered, not handed over */
    bool is_pooled;      /* bytes are the pool's */
    bool is_many;        /* multipart has begun */
    bool is_closed;      /* guarded by the upload's lock, as is: */
    size_t under_way;    /* parts in jobs */
};

struct job {
    struct sl_upload_object *object;
    size_t number; /* of the part, from 1; 0: the whole object */
    struct sl_buf bytes;
    bool is_pooled, is_taken, is_used;
};

struct sl_upload {
    struct sl_s3_context *context;
    struct sl_s3_client client; /* of the thread that calls */
    struct sl_upload_object *objects;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t changed;
    struct job job[SL_UPLOAD_THREADS];
    size_t busy; /* jobs that are used */
    int result;  /* of the first that failed */
    struct sl_error error;
    bool ends;
    size_t threads;
    pthread_t thread[SL_UPLOAD_THREADS];
};

/* ---- threads ---- */

static struct job *waiting_job(struct sl_upload *upload)
{
    for (size_t i = 0; i < SL_UPLOAD_THREADS; i++)
        if (upload->job[i].is_used && !upload->job[i].is_taken)
            return &upload->job[i];
    return NULL;
}

static void give_back(struct sl_buf *bytes, bool is_pooled, bool was_sent)
{
    if (is_pooled)
        sl_part_pool_give(bytes, was_sent);
    else
        sl_buf_done(bytes);
}

static int do_job(struct sl_upload *upload, struct sl_s3_client *client, const struct job *job,
                  struct sl_error *err)
{
    struct sl_multipart *multipart = &job->object->multipart;
    return job->number ? sl_multipart_part(multipart, upload->context, client, job->number, job->bytes.bytes,
                                           job->bytes.len, err)
                       : sl_multipart_whole(multipart, upload->context, client, job->bytes.bytes,
                                            job->bytes.len, err);
}

/* Does the job, and completes the object where its part was the last. Holds the lock before and after. */
static int do_taken_job(struct sl_upload *upload, struct sl_s3_client *client, const struct job *job,
                        struct sl_error *err)
{
    struct sl_upload_object *object = job->object;
    bool is_wanted = upload->result == 0;
    pthread_mutex_unlock(&upload->lock);
    int r = is_wanted ? do_job(upload, client, job, err) : SL_ESTOP;
    pthread_mutex_lock(&upload->lock);
    object->under_way--;
    if (r < 0 || upload->result < 0 || !object->is_many || !object->is_closed || object->under_way)
        return is_wanted ? r : 0;
    pthread_mutex_unlock(&upload->lock);
    r = sl_multipart_complete(&object->multipart, upload->context, client, err);
    pthread_mutex_lock(&upload->lock);
    return r;
}

static void *work(void *arg)
{
    struct sl_upload *upload = arg;
    struct sl_s3_client client = {.curl = upload->client.curl};
    struct sl_error err = {0};
    pthread_mutex_lock(&upload->lock);
    while (!upload->ends) {
        struct job *job = waiting_job(upload);
        if (!job) {
            pthread_cond_wait(&upload->changed, &upload->lock);
            continue;
        }
        job->is_taken = true;
        int r = do_taken_job(upload, &client, job, &err);
        if (r < 0 && upload->result == 0) {
            upload->result = r;
            upload->error = err;
        }
        give_back(&job->bytes, job->is_pooled, true);
        *job = (struct job){0};
        upload->busy--;
        pthread_cond_broadcast(&upload->changed);
    }
    pthread_mutex_unlock(&upload->lock);
    sl_s3_client_done(&client);
    return NULL;
}

static int start_threads(struct sl_upload *upload, struct sl_error *err)
{
    for (; upload->threads < SL_UPLOAD_THREADS; upload->threads++) {
        int failed = pthread_create(&upload->thread[upload->threads], NULL, work, upload);
        if (failed)
            return upload->threads ? 0 : sl_error_thread(err, failed, "starting a thread");
    }
    return 0;
}

/* Until no more than `most` jobs are used. */
static int wait_for_jobs(struct sl_upload *upload, size_t most, struct sl_error *err)
{
    while (upload->busy > most)
        pthread_cond_wait(&upload->changed, &upload->lock);
    if (upload->result < 0)
        *err = upload->error;
    return upload->result;
}

/* Hands the object's bytes over, the last ones where is_closed; they are empty afterwards. */
static int hand_over(struct sl_upload_object *object, size_t number, bool is_closed, struct sl_error *err)
{
    struct sl_upload *upload = object->upload;
    int r = start_threads(upload, err);
    if (r < 0)
        return r;
    pthread_mutex_lock(&upload->lock);
    r = wait_for_jobs(upload, SL_UPLOAD_THREADS - 1, err);
    for (size_t i = 0; r == 0 && i < SL_UPLOAD_THREADS; i++)
        if (!upload->job[i].is_used) {
            upload->job[i] = (struct job){object, number, object->bytes, object->is_pooled, false, true};
            upload->busy++;
            object->under_way++;
            object->is_closed = is_closed;
            if (object->is_pooled)
                sl_part_pool_begin_sending();
            object->is_pooled = false;
            object->bytes = (struct sl_buf){0};
            pthread_cond_broadcast(&upload->changed);
            break;
        }
    pthread_mutex_unlock(&upload->lock);
    return r;
}

/* ---- objects ---- */

/* The size of the part that comes next. */
static size_t part_bytes(const struct sl_upload_object *object)
{
    return (size_t)SL_UPLOAD_PART_BYTES << object->multipart.parts / PARTS_OF_ONE_SIZE;
}

int sl_upload_open(struct sl_upload *upload, const char *key, struct sl_upload_object **ret,
                   struct sl_error *err)
{
    struct sl_upload_object *object = calloc(1, sizeof *object);
    if (!object || !(object->multipart.key = strdup(key))) {
        free(object);
        return sl_error_nomem(err);
    }
    object->upload = upload;
    object->next = upload->objects;
    upload->objects = object;
    *ret = object;
    return 0;
}

static int hand_over_part(struct sl_upload_object *object, bool is_closed, struct sl_error *err)
{
    struct sl_upload *upload = object->upload;
    int r = 0;
    if (!object->is_many)
        r = sl_multipart_begin(&object->multipart, upload->context, &upload->client, err);
    object->is_many |= r == 0;
    if (r == 0 && object->multipart.parts == SL_MULTIPART_PARTS_MAX)
        r = sl_error_set(err, SL_EFAIL,
                         "%s: the object has more than %d parts; write the batch in several with partitions",
                         object->multipart.key, SL_MULTIPART_PARTS_MAX);
    return r < 0 ? r : hand_over(object, ++object->multipart.parts, is_closed, err);
}

/* In huge pages where the system has them: thousands of page faults less for each part. */
static void use_huge_pages(const struct sl_buf *bytes)
{
    uintptr_t from = ((uintptr_t)bytes->bytes + HUGE_PAGE - 1) & ~(uintptr_t)(HUGE_PAGE - 1);
    uintptr_t to = (uintptr_t)(bytes->bytes + bytes->capacity) & ~(uintptr_t)(HUGE_PAGE - 1);
    if (from < to)
        (void)madvise((void *)from, to - from, MADV_HUGEPAGE); /* a hint */
}

/* The memory of a part from the pool, with what was gathered already. */
static bool use_pool(struct sl_upload_object *object, size_t limit)
{
    struct sl_buf small = object->bytes;
    object->bytes = sl_part_pool_take();
    object->is_pooled = true;
    bool is_new = object->bytes.capacity < limit;
    bool ok = sl_buf_reserve(&object->bytes, limit);
    if (ok && is_new)
        use_huge_pages(&object->bytes);
    ok = ok && (!small.len || sl_buf_append(&object->bytes, small.bytes, small.len));
    sl_buf_done(&small);
    return ok;
}

/* Room for the whole part as soon as it is clearly no small object: a buffer that doubles copies all its bytes again. */
static bool make_room(struct sl_upload_object *object, size_t more, size_t limit)
{
    bool is_small = !object->is_many && object->bytes.len + more <= SMALL_BYTES;
    return is_small || object->is_pooled || use_pool(object, limit);
}

int sl_upload_write(struct sl_upload_object *object, const void *bytes, size_t len, struct sl_error *err)
{
    const uint8_t *at = bytes;
    object->multipart.bytes += len;
    while (len) {
        size_t limit = part_bytes(object), room = limit - object->bytes.len, step = len < room ? len : room;
        if (!room) { /* only when more comes: what fits into one part is one object */
            int r = hand_over_part(object, false, err);
            if (r < 0)
                return r;
            continue;
        }
        if (!make_room(object, step, limit) || !sl_buf_append(&object->bytes, at, step))
            return sl_error_nomem(err);
        at += step;
        len -= step;
    }
    return 0;
}

int sl_upload_close(struct sl_upload_object *object, struct sl_error *err)
{
    return object->is_many ? hand_over_part(object, true, err) : hand_over(object, 0, true, err);
}

/* Uploads whose beginning was answered too late. No thread has a job any more. One try: what is left is aborted at the next
 * start. */
static void abort_doubtful(struct sl_upload *upload)
{
    struct sl_s3_context *context = upload->context;
    struct sl_error ignored;
    int64_t retry_ms = context->retry_ms;
    context->retry_ms = 0;
    for (struct sl_upload_object *object = upload->objects; object; object = object->next)
        if (object->multipart.is_doubtful)
            (void)sl_leftover_abort_key(context, &upload->client, object->multipart.key, &ignored);
    context->retry_ms = retry_ms;
}

static void free_objects(struct sl_upload *upload)
{
    while (upload->objects) {
        struct sl_upload_object *object = upload->objects;
        upload->objects = object->next;
        sl_multipart_done(&object->multipart);
        give_back(&object->bytes, object->is_pooled, false);
        free(object);
    }
}

int sl_upload_finish(struct sl_upload *upload, struct sl_error *err)
{
    pthread_mutex_lock(&upload->lock);
    int r = wait_for_jobs(upload, 0, err);
    pthread_mutex_unlock(&upload->lock);
    for (struct sl_upload_object *object = upload->objects; object && r == 0; object = object->next)
        sl_assert(!object->is_many || object->multipart.is_complete);
    if (r == 0) {
        abort_doubtful(upload);
        free_objects(upload);
    }
    return r;
}

void sl_upload_cancel(struct sl_upload *upload)
{
    struct sl_error ignored;
    pthread_mutex_lock(&upload->lock);
    if (upload->result == 0)
        upload->result = SL_ESTOP;            /* jobs that wait are not begun */
    (void)wait_for_jobs(upload, 0, &ignored); /* whatever came of them */
    upload->result = 0;
    pthread_mutex_unlock(&upload->lock);
    for (struct sl_upload_object *object = upload->objects; object; object = object->next)
        if (object->is_many)
            sl_multipart_abort(&object->multipart, upload->context, &upload->client);
    abort_doubtful(upload);
    free_objects(upload);
}

/* ---- the whole ---- */

int sl_upload_new(struct sl_s3_context *context, const struct sl_curl *curl, struct sl_upload **ret,
                  struct sl_error *err)
{
    struct sl_upload *upload = calloc(1, sizeof *upload);
    if (!upload)
        return sl_error_nomem(err);
    sl_part_pool_open();
    upload->context = context;
    upload->client.curl = curl;
    pthread_mutex_init(&upload->lock, NULL);
    pthread_cond_init(&upload->changed, NULL);
    *ret = upload;
    return 0;
}

void sl_upload_free(struct sl_upload *upload)
{
    if (!upload)
        return;
    pthread_mutex_lock(&upload->lock);
    upload->ends = true;
    pthread_cond_broadcast(&upload->changed);
    pthread_mutex_unlock(&upload->lock);
    for (size_t i = 0; i < upload->threads; i++)
        pthread_join(upload->thread[i], NULL);
    free_objects(upload);
    sl_part_pool_close();
    sl_s3_client_done(&upload->client);
    pthread_mutex_destroy(&upload->lock);
    pthread_cond_destroy(&upload->changed);
    free(upload);
}

#endif
