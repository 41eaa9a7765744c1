# One folder, one library, its tests beside the code.
#
#   walkback_module(pg SOURCES a.cc b.cc TESTS a_test.cc b_test.cc DEPENDS base LIBRARIES PkgConfig::zstd)
#
# makes walkback::pg (target walkback_pg) and, with tests, the program walkback_pg_test.
function(walkback_module name)
  cmake_parse_arguments(M "" "" "SOURCES;TESTS;DEPENDS;LIBRARIES;PRIVATE_LIBRARIES;PROTOS;TEST_DEPENDS;TEST_LIBRARIES" ${ARGN})
  set(target walkback_${name})
  add_library(${target} STATIC ${M_SOURCES})
  add_library(walkback::${name} ALIAS ${target})
  target_include_directories(${target} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(${target} PRIVATE walkback_warnings)
  walkback_cover(${target})
  walkback_precompile(${target} walkback_pch)
  foreach(dependency ${M_DEPENDS})
    target_link_libraries(${target} PUBLIC walkback_${dependency})
  endforeach()
  target_link_libraries(${target} PUBLIC ${M_LIBRARIES} PRIVATE ${M_PRIVATE_LIBRARIES})
  if(M_PROTOS)
    # Generated code is not ours to warn about: its own library, its headers as system headers.
    add_library(${target}_proto STATIC)
    foreach(proto ${M_PROTOS})
      # "repo/page_map.proto" makes <repo/page_map.pb.h>: protobuf_generate() would drop the folder.
      string(REPLACE ".proto" ".pb" stem ${CMAKE_BINARY_DIR}/generated/${name}/${proto})
      add_custom_command(OUTPUT ${stem}.cc ${stem}.h
        COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/generated
        COMMAND protobuf::protoc --cpp_out ${CMAKE_BINARY_DIR}/generated -I ${CMAKE_SOURCE_DIR}/src
          ${CMAKE_CURRENT_SOURCE_DIR}/${proto}
        DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${proto} VERBATIM)
      target_sources(${target}_proto PRIVATE ${stem}.cc ${stem}.h)
    endforeach()
    target_include_directories(${target}_proto SYSTEM PUBLIC ${CMAKE_BINARY_DIR}/generated)
    target_link_libraries(${target}_proto PUBLIC protobuf::libprotobuf-lite Threads::Threads)
    target_link_libraries(${target} PRIVATE ${target}_proto)
  endif()
  if(WALKBACK_TESTS AND M_TESTS)
    add_executable(${target}_test ${M_TESTS})
    target_link_libraries(${target}_test PRIVATE ${target} walkback_warnings GTest::gmock GTest::gtest_main
      ${M_TEST_LIBRARIES})
    walkback_precompile(${target}_test walkback_test_pch)
    foreach(dependency ${M_TEST_DEPENDS})
      target_link_libraries(${target}_test PRIVATE walkback_${dependency})
    endforeach()
    target_compile_definitions(${target}_test PRIVATE
      WALKBACK_TESTDATA="${CMAKE_CURRENT_SOURCE_DIR}/testdata")
    add_test(NAME ${name} COMMAND ${target}_test --gtest_brief=1)
  endif()
endfunction()
