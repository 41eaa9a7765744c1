// Scratch servers whose makers are gone: killed with their guards, or with the host's power.
#pragma once

#include <string>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/progress.h"
#include "base/result.h"

namespace walkback::scratch {

enum class Maker {
  kGone,
  kAlive,
  // Of another host, or of another process namespace of this one: nobody here can tell.
  kUnknown,
};

// Judged by who it was, never by names or ages: its process of this boot is gone, or it was of an
// earlier boot of this host; and nobody holds the directory's lock.
Result<Maker> look_for_maker(FileSystem& files, const std::string& root);

// Ends the processes of a server at work in it, and removes it. Nothing is done while its maker, or
// somebody else who cleans up, holds its lock.
Result<void> clean_up(FileSystem& files, const std::string& root, Clock& clock);

// Every one in `directory` whose maker is gone. What cannot be told or removed is noted: it must
// not stop what comes next.
void clean_up_leftovers(FileSystem& files, const std::string& directory, Clock& clock,
                        Progress& progress);

}  // namespace walkback::scratch
