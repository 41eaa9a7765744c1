// The functions of libpq that we call, found at run time. Internal to pgconn.
//
// Linking libpq would load Kerberos, LDAP and TLS into every process, six milliseconds each time,
// and archive_command starts a process for each segment that never opens a session.
#pragma once

#include <libpq-fe.h>

#include "base/result.h"

namespace walkback::pgconn {

// Each member has the name and the exact type of the function in libpq-fe.h.
struct Libpq {
#define WALKBACK_LIBPQ_FUNCTIONS(F) \
  F(PQconnectdbParams)              \
  F(PQconninfoParse)                \
  F(PQconninfoFree)                 \
  F(PQfreemem)                      \
  F(PQfinish)                       \
  F(PQstatus)                       \
  F(PQerrorMessage)                 \
  F(PQconnectionNeedsPassword)      \
  F(PQsetNoticeReceiver)            \
  F(PQserverVersion)                \
  F(PQsocket)                       \
  F(PQconsumeInput)                 \
  F(PQexec)                         \
  F(PQexecParams)                   \
  F(PQresultStatus)                 \
  F(PQresultErrorField)             \
  F(PQresultErrorMessage)           \
  F(PQntuples)                      \
  F(PQnfields)                      \
  F(PQfname)                        \
  F(PQgetisnull)                    \
  F(PQgetvalue)                     \
  F(PQgetlength)                    \
  F(PQclear)                        \
  F(PQgetResult)                    \
  F(PQgetCopyData)                  \
  F(PQcmdTuples)                    \
  F(PQgetCancel)                    \
  F(PQcancel)                       \
  F(PQfreeCancel)
#define WALKBACK_DECLARE(name) decltype(&::name) name = nullptr;
  WALKBACK_LIBPQ_FUNCTIONS(WALKBACK_DECLARE)
#undef WALKBACK_DECLARE
};

// Loads libpq.so.5 on the first call and keeps it for the life of the process. Thread-safe.
// kMissing, with the package to install, when it is not on this host.
Result<const Libpq*> load_libpq();

}  // namespace walkback::pgconn
