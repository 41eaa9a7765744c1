// The functions of libfuse that we call, found at run time: a command that makes no scratch server
// loads nothing of it. Internal to ondemand.
#pragma once

#define FUSE_USE_VERSION 31
#include <fuse3/fuse.h>
#include <fuse3/fuse_lowlevel.h>

#include "base/result.h"

namespace walkback::ondemand {

// Each member has the name and the exact type of the function in fuse.h.
struct Libfuse {
#define WALKBACK_LIBFUSE_FUNCTIONS(F) \
  F(fuse_opt_add_arg)                 \
  F(fuse_opt_free_args)               \
  F(fuse_set_log_func)                \
  F(fuse_new)                         \
  F(fuse_mount)                       \
  F(fuse_unmount)                     \
  F(fuse_destroy)                     \
  F(fuse_get_context)                 \
  F(fuse_get_session)                 \
  F(fuse_session_exit)                \
  F(fuse_session_exited)              \
  F(fuse_session_fd)                  \
  F(fuse_session_receive_buf)         \
  F(fuse_session_process_buf)
#define WALKBACK_DECLARE(name) decltype(&::name) name = nullptr;
  WALKBACK_LIBFUSE_FUNCTIONS(WALKBACK_DECLARE)
#undef WALKBACK_DECLARE
};

// Loads libfuse3.so.3 on the first call and keeps it for the life of the process. Thread-safe.
// kMissing, with the package to install, when it is not on this host.
Result<const Libfuse*> load_libfuse();

}  // namespace walkback::ondemand
