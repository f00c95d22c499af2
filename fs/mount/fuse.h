/* The one place that says which libfuse interface we use. */
#pragma once

#define FUSE_USE_VERSION 312

#include <fuse_lowlevel.h>
