// The functions of gpgme that we call, found at run time. Internal to keys.
//
// Linking it would load two more libraries into every process, and archive_command starts one for
// each segment.
#pragma once

#include <gpgme.h>

#include "base/result.h"

namespace walkback::keys {

// Each member has the name and the exact type of the function in gpgme.h.
struct Gpgme {
#define WALKBACK_GPGME_FUNCTIONS(F) \
  F(gpgme_check_version)            \
  F(gpgme_strerror_r)               \
  F(gpgme_new)                      \
  F(gpgme_release)                  \
  F(gpgme_set_armor)                \
  F(gpgme_set_protocol)             \
  F(gpgme_ctx_set_engine_info)      \
  F(gpgme_ctx_get_engine_info)      \
  F(gpgme_op_keylist_start)         \
  F(gpgme_op_keylist_next)          \
  F(gpgme_op_keylist_end)           \
  F(gpgme_key_unref)                \
  F(gpgme_get_key)                  \
  F(gpgme_data_new)                 \
  F(gpgme_data_new_from_mem)        \
  F(gpgme_data_new_from_cbs)        \
  F(gpgme_data_release)             \
  F(gpgme_op_encrypt)               \
  F(gpgme_op_encrypt_result)        \
  F(gpgme_op_decrypt)               \
  F(gpgme_op_decrypt_result)
#define WALKBACK_DECLARE(name) decltype(&::name) name = nullptr;
  WALKBACK_GPGME_FUNCTIONS(WALKBACK_DECLARE)
#undef WALKBACK_DECLARE
};

// Loads libgpgme.so.11 on the first call and keeps it for the life of the process. Thread-safe.
// kMissing, with the package to install, when it is not on this host.
Result<const Gpgme*> load_gpgme();

}  // namespace walkback::keys
