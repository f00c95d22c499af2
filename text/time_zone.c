/* A zone is the list of its transitions. Where its file ends with a rule that saves daylight, the transitions of
 * the following 401 years are listed too: the calendar repeats every 400 years, weekdays included, so any later
 * time is looked up that many years earlier. */
#include "text/time_zone.h"

#include "core/base/array.h"
#include "core/base/bisect.h"
#include "core/base/io.h"
#include "text/civil.h"
#include "text/time_rule.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

enum {
    FILE_BYTES_MAX = 1 << 20,
    TYPES_MAX = 256,
    NAME_MAX_BYTES = 64,
    OFFSET_MAX_S = 26 * 3600, /* of what a file may say */
    CYCLE_YEARS = 400,
};

#define CYCLE_S    (INT64_C(146097) * 86400)
#define DATABASE   "/usr/share/zoneinfo"
#define TIME_MAX_S (INT64_MAX / 4000)

struct type {
    int32_t offset;
    char name[SL_ABBREVIATION_MAX + 1];
};

struct transition {
    int64_t at;    /* utc_s */
    int64_t local; /* local_s from which the type counts: after the fold, or the gap */
    uint16_t type; /* from then on */
};

struct sl_time_zone {
    size_t types;
    struct type type[TYPES_MAX + 2]; /* those of the file, the two of its rule */
    uint16_t first;                  /* type before the first transition */
    size_t count, capacity;
    struct transition *transition;
    bool repeats; /* the last 400 years do */
};

void sl_time_zone_free(struct sl_time_zone *zone)
{
    if (!zone)
        return;
    free(zone->transition);
    free(zone);
}

/* ---- looking up ---- */

/* How many transitions are at or before the time. */
static size_t passed(const struct sl_time_zone *zone, int64_t time, bool is_local)
{
    const struct transition *transition = zone->transition;
    return SL_BISECT(i, 0, zone->count, (is_local ? transition[i].local : transition[i].at) <= time);
}

static int64_t time_of(const struct sl_time_zone *zone, size_t i, bool is_local)
{
    return is_local ? zone->transition[i].local : zone->transition[i].at;
}

static void look_up(const struct sl_time_zone *zone, int64_t time, bool is_local, struct sl_zone_span *ret)
{
    int64_t last = zone->count ? time_of(zone, zone->count - 1, is_local) : 0, moved = 0;
    if (zone->repeats && time >= last)
        moved = ((time - last) / CYCLE_S + 1) * CYCLE_S;
    size_t i = passed(zone, time - moved, is_local);
    const struct type *type = &zone->type[i ? zone->transition[i - 1].type : zone->first];
    ret->offset = type->offset;
    ret->abbreviation = type->name;
    ret->from = i ? time_of(zone, i - 1, is_local) + moved : INT64_MIN;
    ret->to = i < zone->count ? time_of(zone, i, is_local) + moved : INT64_MAX;
}

void sl_time_zone_at(const struct sl_time_zone *zone, int64_t utc_s, struct sl_zone_span *ret)
{
    look_up(zone, utc_s, false, ret);
}

void sl_time_zone_at_local(const struct sl_time_zone *zone, int64_t local_s, struct sl_zone_span *ret)
{
    look_up(zone, local_s, true, ret);
}

bool sl_time_zone_offset_of(const struct sl_time_zone *zone, const void *abbreviation, size_t len,
                            int32_t *ret_offset)
{
    for (size_t i = zone->types; i-- > 0;) { /* the newest meaning first */
        const struct type *type = &zone->type[i];
        if (strlen(type->name) != len || memcmp(type->name, abbreviation, len) != 0)
            continue;
        *ret_offset = type->offset;
        return true;
    }
    return false;
}

/* ---- making ---- */

static int add_transition(struct sl_time_zone *zone, int64_t at, uint16_t type)
{
    struct transition *grown = sl_array_grow(zone->transition, zone->count, &zone->capacity, sizeof *grown);
    if (!grown)
        return SL_ENOMEM;
    zone->transition = grown;
    uint16_t before = zone->count ? grown[zone->count - 1].type : zone->first;
    int32_t old_offset = zone->type[before].offset, offset = zone->type[type].offset;
    grown[zone->count++] = (struct transition){at, at + (old_offset > offset ? old_offset : offset), type};
    return 0;
}

/* Once all are there: a search in local time needs them in order, which hasty changes of law may break. */
static void order_local(struct sl_time_zone *zone)
{
    for (size_t i = 1; i < zone->count; i++)
        if (zone->transition[i].local < zone->transition[i - 1].local)
            zone->transition[i].local = zone->transition[i - 1].local;
}

static int add_year(struct sl_time_zone *zone, const struct sl_time_rule *rule, uint16_t first_type,
                    int64_t year)
{
    int64_t start = sl_time_rule_local(&rule->start, year) - rule->offset[0];
    int64_t end = sl_time_rule_local(&rule->end, year) - rule->offset[1];
    int64_t at[2] = {start < end ? start : end, start < end ? end : start};
    for (int i = 0; i < 2; i++) {
        bool is_start = at[i] == start;
        int64_t last = zone->count ? zone->transition[zone->count - 1].at : INT64_MIN;
        if (at[i] > last && add_transition(zone, at[i], (uint16_t)(first_type + is_start)) < 0)
            return SL_ENOMEM;
    }
    return 0;
}

static int64_t year_of(int64_t utc_s)
{
    return sl_date_of_days(utc_s / 86400).year;
}

static int follow_rule(struct sl_time_zone *zone, const struct sl_time_rule *rule)
{
    uint16_t first_type = (uint16_t)zone->types;
    int64_t year = zone->count ? year_of(zone->transition[zone->count - 1].at) : 1800;
    int r = 0;
    for (int i = 0; i < 1 + rule->saves; i++) {
        zone->type[zone->types].offset = rule->offset[i];
        memcpy(zone->type[zone->types++].name, rule->name[i], sizeof rule->name[i]);
    }
    if (!zone->count && !rule->saves)
        zone->first = first_type;
    zone->repeats = rule->saves;
    for (int64_t i = 0; rule->saves && r == 0 && i < CYCLE_YEARS + 2; i++)
        r = add_year(zone, rule, first_type, year + i);
    return r;
}

/* ---- TZif ---- */

struct counts {
    uint32_t isut, isstd, leap, time, type, text;
};

struct data {
    const uint8_t *at, *end;
};

static uint32_t read_32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t read_64(const uint8_t *p)
{
    return (int64_t)((uint64_t)read_32(p) << 32 | read_32(p + 4));
}

static bool read_header(struct data *data, struct counts *ret, uint8_t *ret_version)
{
    const uint8_t *p = data->at;
    if (data->end - p < 44 || memcmp(p, "TZif", 4) != 0)
        return false;
    *ret_version = p[4];
    *ret = (struct counts){read_32(p + 20), read_32(p + 24), read_32(p + 28),
                           read_32(p + 32), read_32(p + 36), read_32(p + 40)};
    data->at += 44;
    return ret->type >= 1 && ret->type <= TYPES_MAX && ret->time <= FILE_BYTES_MAX &&
           ret->text <= FILE_BYTES_MAX && ret->leap <= FILE_BYTES_MAX && ret->isstd <= TYPES_MAX &&
           ret->isut <= TYPES_MAX;
}

static uint64_t body_bytes(const struct counts *counts, unsigned word)
{
    return (uint64_t)counts->time * word + counts->time + 6 * (uint64_t)counts->type + counts->text +
           (uint64_t)counts->leap * (word + 4) + counts->isstd + counts->isut;
}

static bool read_type(const uint8_t *p, const uint8_t *text, uint32_t text_len, struct type *ret)
{
    ret->offset = (int32_t)read_32(p);
    if (p[5] >= text_len || ret->offset > OFFSET_MAX_S || ret->offset < -OFFSET_MAX_S)
        return false;
    size_t len = strnlen((const char *)text + p[5], text_len - p[5]);
    if (len > SL_ABBREVIATION_MAX)
        len = SL_ABBREVIATION_MAX;
    memcpy(ret->name, text + p[5], len);
    ret->name[len] = 0;
    return true;
}

/* 0, SL_ENOMEM, or SL_EDAMAGED. */
static int read_body(struct sl_time_zone *zone, const struct counts *counts, const uint8_t *p, unsigned word)
{
    const uint8_t *index = p + (size_t)counts->time * word, *types = index + counts->time;
    const uint8_t *text = types + 6 * (size_t)counts->type;
    for (; zone->types < counts->type; zone->types++)
        if (!read_type(types + 6 * zone->types, text, counts->text, &zone->type[zone->types]))
            return SL_EDAMAGED;
    for (size_t i = 0; i < counts->time; i++) {
        int64_t at = word == 8 ? read_64(p + 8 * i) : (int32_t)read_32(p + 4 * i);
        bool in_order = !zone->count || at > zone->transition[zone->count - 1].at;
        if (index[i] >= counts->type || !in_order || at > TIME_MAX_S)
            return SL_EDAMAGED;
        if (at > -TIME_MAX_S && add_transition(zone, at, index[i]) < 0)
            return SL_ENOMEM;
    }
    return 0;
}

/* Behind the second body: a newline, the rule, a newline. */
static int read_footer(struct sl_time_zone *zone, const struct data *data)
{
    const uint8_t *from = data->at + 1;
    struct sl_time_rule rule;
    const uint8_t *to = data->at < data->end ? memchr(from, '\n', (size_t)(data->end - from)) : NULL;
    if (!to || *data->at != '\n')
        return SL_EDAMAGED;
    if (to == from)
        return 0;
    if (!sl_time_rule_parse((const char *)from, (size_t)(to - from), &rule))
        return SL_EDAMAGED;
    return follow_rule(zone, &rule);
}

static int read_file(struct sl_time_zone *zone, struct data data)
{
    struct counts counts;
    uint8_t version;
    unsigned word = 4;
    if (!read_header(&data, &counts, &version) || body_bytes(&counts, 4) > (size_t)(data.end - data.at))
        return SL_EDAMAGED;
    if (version >= '2') { /* the same again with 64 bits */
        data.at += body_bytes(&counts, 4);
        word = 8;
        if (!read_header(&data, &counts, &version) || body_bytes(&counts, 8) > (size_t)(data.end - data.at))
            return SL_EDAMAGED;
    }
    int r = read_body(zone, &counts, data.at, word);
    data.at += body_bytes(&counts, word);
    return r == 0 && word == 8 ? read_footer(zone, &data) : r;
}

int sl_time_zone_parse(const void *bytes, size_t len, struct sl_time_zone **ret, struct sl_error *err)
{
    struct sl_time_zone *zone = calloc(1, sizeof *zone);
    int r = zone ? read_file(zone, (struct data){bytes, (const uint8_t *)bytes + len}) : SL_ENOMEM;
    if (r < 0) {
        sl_time_zone_free(zone);
        return r == SL_ENOMEM ? sl_error_nomem(err)
                              : sl_error_set(err, SL_EUSAGE, "the time zone's file is damaged");
    }
    order_local(zone);
    *ret = zone;
    return 0;
}

/* ---- names ---- */

/* +02:00, +0200, +02. */
static bool read_fixed(const char *name, size_t len, int32_t *ret)
{
    char digits[5] = "";
    size_t count = 0;
    if (len < 3 || (name[0] != '+' && name[0] != '-'))
        return false;
    for (size_t i = 1; i < len; i++) {
        if (name[i] == ':' && i == 3 && len == 6)
            continue;
        if (name[i] < '0' || name[i] > '9' || count == 4)
            return false;
        digits[count++] = name[i];
    }
    if (count != 2 && count != 4)
        return false;
    int hours = (digits[0] - '0') * 10 + digits[1] - '0';
    int minutes = count == 4 ? (digits[2] - '0') * 10 + digits[3] - '0' : 0;
    *ret = (hours * 60 + minutes) * (name[0] == '-' ? -60 : 60);
    return hours <= 23 && minutes <= 59;
}

static int open_fixed(const char *name, size_t len, int32_t offset, struct sl_time_zone **ret,
                      struct sl_error *err)
{
    struct sl_time_zone *zone = calloc(1, sizeof *zone);
    if (!zone)
        return sl_error_nomem(err);
    zone->types = 1;
    zone->type[0].offset = offset;
    memcpy(zone->type[0].name, name, len < SL_ABBREVIATION_MAX ? len : SL_ABBREVIATION_MAX);
    *ret = zone;
    return 0;
}

/* Letters, digits, _ + - and slashes between parts: nothing that leads out of the database. */
static bool is_name(const char *name, size_t len)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/";
    if (len == 0 || len > NAME_MAX_BYTES || name[0] == '/' || name[len - 1] == '/')
        return false;
    for (size_t i = 0; i < len; i++)
        if (!name[i] || !strchr(allowed, name[i]) || (name[i] == '/' && name[i + 1] == '/'))
            return false;
    return true;
}

static int open_named(const char *name, size_t len, struct sl_time_zone **ret, struct sl_error *err)
{
    char path[sizeof DATABASE + NAME_MAX_BYTES + 2] = DATABASE "/";
    char *bytes;
    size_t size;
    memcpy(path + sizeof DATABASE, name, len);
    int r = sl_io_read_file(&sl_io_system, AT_FDCWD, path, FILE_BYTES_MAX, &bytes, &size, err);
    if (r < 0)
        return r;
    r = sl_time_zone_parse(bytes, size, ret, err);
    free(bytes);
    return r;
}

int sl_time_zone_open(const char *name, size_t len, struct sl_time_zone **ret, struct sl_error *err)
{
    int32_t offset = 0;
    struct sl_error why = {0};
    if ((len == 3 && memcmp(name, "UTC", 3) == 0) || read_fixed(name, len, &offset))
        return open_fixed(name, len, offset, ret, err);
    int r = is_name(name, len) ? open_named(name, len, ret, &why) : SL_EUSAGE;
    if (r == 0 || r == SL_ENOMEM)
        return r == 0 ? 0 : sl_error_nomem(err);
    return sl_error_set(err, SL_EUSAGE,
                        "there is no time zone \"%.*s\"%s%s; say \"UTC\", \"+02:00\", or a name like "
                        "\"Europe/Berlin\" from " DATABASE,
                        (int)(len < NAME_MAX_BYTES ? len : NAME_MAX_BYTES), name, why.code ? ": " : "",
                        why.code ? why.text : "");
}
