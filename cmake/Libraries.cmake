# Debian's libraries; ARCHITECTURE.md says why each. What a short-lived process needs is linked so that
# starting costs little: wal-push is started once for each segment.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
# Its headers: src/base/fmt_library.cc compiles what lies behind them.
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
# The calendar, by its headers only: the library of time zones is a shared one that brings the C++ runtime.
find_path(DATE_INCLUDE_DIR date/date.h REQUIRED)
set(Protobuf_USE_STATIC_LIBS ON)
find_package(Protobuf REQUIRED)
pkg_check_modules(zstd REQUIRED IMPORTED_TARGET libzstd)
find_library(WALKBACK_ZSTD_ARCHIVE libzstd.a REQUIRED)
find_library(WALKBACK_LZ4_ARCHIVE liblz4.a REQUIRED)
pkg_check_modules(crypto REQUIRED IMPORTED_TARGET libcrypto)
# Static: the only user is s3, and a shared one would be one more library to load at every start.
find_path(PUGIXML_INCLUDE_DIR pugixml.hpp REQUIRED)
find_library(PUGIXML_LIBRARY NAMES libpugixml.a REQUIRED)
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash)
if(WALKBACK_TESTS)
  find_package(GTest REQUIRED)
endif()
