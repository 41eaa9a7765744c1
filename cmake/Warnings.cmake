# Every warning that finds bugs, as an error. Applied to our own targets through walkback_module().
add_library(walkback_warnings INTERFACE)
target_compile_options(walkback_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Werror -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wcast-qual
  -Wformat=2 -Wundef -Wvla
  # Members with a default need no initializer: that is what the default is for.
  -Wno-missing-field-initializers
  # g++ 12 sees overlaps in std::string's operator+ that are not there (GCC bug 105651).
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
  # TRY is a statement expression: the one extension we use, in result.h.
  $<$<CXX_COMPILER_ID:Clang>:-Wno-gnu-statement-expression>)
