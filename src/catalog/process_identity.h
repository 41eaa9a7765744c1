// Which process of which boot of which machine: what leases and events say of who wrote them, so
// that another process of the host knows at once when it is gone.
#pragma once

#include <string>

namespace walkback::catalog {

// Only to be compared.
std::string this_process();

// Whether it is of this boot of a machine: two of different boots never run at once on one host.
bool is_of_this_boot(const std::string& process);

// True only when it ran since this host was started, in this process namespace, and is gone.
bool has_ended_here(const std::string& process);

}  // namespace walkback::catalog
