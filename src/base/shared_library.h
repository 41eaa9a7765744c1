// A library that is found at run time. It stays for the life of the process: those that we load
// leave exit handlers and threads behind.
#pragma once

#include <dlfcn.h>

#include <string>

#include "base/result.h"

namespace walkback {

class SharedLibrary {
 public:
  // `file` is its name and ABI ("libpq.so.5"). kMissing, with the linker's words, where there is
  // none.
  static Result<SharedLibrary> load(const char* file) {
    void* const handle = dlopen(file, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (handle == nullptr) return make_error(ErrorKind::kMissing, dlerror());
    return SharedLibrary(handle);
  }

  template <typename Function>
  bool find(const char* name, Function& function) const {
    function = reinterpret_cast<Function>(dlsym(handle_, name));
    return function != nullptr;
  }

 private:
  explicit SharedLibrary(void* handle) : handle_(handle) {}
  void* handle_;
};

}  // namespace walkback
