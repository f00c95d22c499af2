/* Frames of a segment file: see state/store/segment_write.c. Shared by those who write and who read them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SL_FRAME_BYTES = 24 };
enum { SL_FRAME_HEADER = 'H', SL_FRAME_SECTION = 'S', SL_FRAME_BLOCK = 'B', SL_FRAME_END = 'E' };
enum { SL_FRAME_TIMED_BLOCK = 'T' }; /* of spill files only (state/spill/spill.c) */
#define SL_SEGMENT_MAGIC "sluice segment 1\n"

struct sl_frame {
    uint32_t type, packed, raw, rows;
};

/* The head of a frame at `offset` with that payload. */
void sl_frame_encode(const struct sl_frame *frame, const void *payload, uint64_t offset,
                     uint8_t head[SL_FRAME_BYTES]);
/* The four numbers; sl_frame_is_whole compares the checksum once the payload is read. */
struct sl_frame sl_frame_decode(const uint8_t head[SL_FRAME_BYTES]);
bool sl_frame_is_whole(const uint8_t head[SL_FRAME_BYTES], const void *payload, uint64_t offset);
