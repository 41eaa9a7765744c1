# Fuzz targets: with WALKBACK_FUZZ, walkback_fuzz(fuzz_history SOURCES fuzz/fuzz_history.cc DEPENDS pg)
# makes the program fuzz_history (libFuzzer, clang). Without it, nothing.
if(WALKBACK_FUZZ)
  # Coverage for every library; libFuzzer's own main only in the targets.
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

function(walkback_fuzz name)
  cmake_parse_arguments(F "" "" "SOURCES;DEPENDS" ${ARGN})
  if(WALKBACK_FUZZ)
    add_executable(${name} ${F_SOURCES})
    foreach(dependency ${F_DEPENDS})
      target_link_libraries(${name} PRIVATE walkback_${dependency})
    endforeach()
    target_link_libraries(${name} PRIVATE walkback_warnings)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  endif()
endfunction()
