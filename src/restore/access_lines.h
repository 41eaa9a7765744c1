// The lines of pg_hba.conf and pg_ident.conf that name other files.
#pragma once

#include <string>
#include <vector>

#include "base/file_system.h"
#include "restore/own_settings.h"

namespace walkback::restore {

// Those with which no server would load the file on this host: from 16 on "include FILE" and
// "include_dir DIRECTORY" of what is not here, in every version "@FILE" in a list of names
// (tokenize_auth_file, src/backend/libpq/hba.c). Paths are relative to the file that names them. A
// line counts as a whole, with all that it includes.
std::vector<UnreadableLine> unreadable_access_lines(FileSystem& files, const std::string& directory,
                                                    const std::string& file,
                                                    const std::vector<std::string>& lines,
                                                    int major);

}  // namespace walkback::restore
