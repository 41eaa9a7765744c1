# Half the time of a dev build is reading the same headers again. They are precompiled there; release and fuzz builds do
# without, and so notice a file that does not include what it uses.
option(WALKBACK_PCH "Precompile the headers that most files include" OFF)

set(walkback_common_headers
  <algorithm> <array> <atomic> <chrono> <cstdint> <deque> <functional> <map> <memory> <mutex> <optional> <set> <span>
  <stop_token> <string> <string_view> <thread> <unordered_map> <utility> <variant> <vector> <fmt/format.h>)

function(walkback_precompile target like)
  if(WALKBACK_PCH)
    target_precompile_headers(${target} REUSE_FROM ${like})
  endif()
endfunction()

if(WALKBACK_PCH)
  # So that ccache takes a precompiled header for what is in it, not for when it was made.
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    add_compile_options("SHELL:-Xclang -fno-pch-timestamp")
  endif()
  file(WRITE ${CMAKE_BINARY_DIR}/empty.cc.in "")
  configure_file(${CMAKE_BINARY_DIR}/empty.cc.in ${CMAKE_BINARY_DIR}/empty.cc COPYONLY)
  add_library(walkback_pch STATIC ${CMAKE_BINARY_DIR}/empty.cc)
  target_link_libraries(walkback_pch PRIVATE walkback_warnings Threads::Threads)
  walkback_cover(walkback_pch)
  target_precompile_headers(walkback_pch PRIVATE ${walkback_common_headers})
  if(WALKBACK_TESTS)
    add_library(walkback_test_pch STATIC ${CMAKE_BINARY_DIR}/empty.cc)
    target_link_libraries(walkback_test_pch PRIVATE walkback_warnings GTest::gmock GTest::gtest)
    target_precompile_headers(walkback_test_pch PRIVATE ${walkback_common_headers} <gmock/gmock.h> <gtest/gtest.h>)
  endif()
endif()
