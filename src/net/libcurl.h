// The functions of libcurl that we call, found at run time. Internal to net.
//
// Linking libcurl would load TLS, LDAP, SSH and Kerberos libraries into every process, also into
// those whose repository is a directory.
#pragma once

// Its macros would check the types of calls that go through our table, and cannot.
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

#include "base/result.h"

namespace walkback::net {

// Each member has the name and the exact type of the function in curl.h.
struct Libcurl {
#define WALKBACK_LIBCURL_FUNCTIONS(F) \
  F(curl_global_init)                 \
  F(curl_easy_init)                   \
  F(curl_easy_perform)                \
  F(curl_easy_reset)                  \
  F(curl_easy_setopt)                 \
  F(curl_easy_getinfo)                \
  F(curl_easy_pause)                  \
  F(curl_easy_strerror)               \
  F(curl_easy_cleanup)                \
  F(curl_slist_append)                \
  F(curl_slist_free_all)              \
  F(curl_multi_init)                  \
  F(curl_multi_add_handle)            \
  F(curl_multi_remove_handle)         \
  F(curl_multi_perform)               \
  F(curl_multi_poll)                  \
  F(curl_multi_wakeup)                \
  F(curl_multi_info_read)             \
  F(curl_multi_cleanup)
#define WALKBACK_DECLARE(name) decltype(&::name) name = nullptr;
  WALKBACK_LIBCURL_FUNCTIONS(WALKBACK_DECLARE)
#undef WALKBACK_DECLARE
};

// Loads and initialises libcurl.so.4 on the first call and keeps it for the life of the process.
// Thread-safe. kMissing, with the package to install, when it is not on this host.
Result<const Libcurl*> load_libcurl();

}  // namespace walkback::net
