#include "agent/record.h"

#include "agent/history.h"
#include "base/host_name.h"
#include "catalog/events.h"
#include "catalog/lineage.h"
#include "catalog/process_identity.h"

namespace walkback::agent {

Result<schedule::History> read_history(store::ObjectStore& objects, const std::string& cluster,
                                       Clock& clock) {
  const catalog::Lineage lineage = TRY(catalog::find_lineage(objects, cluster));
  std::vector<catalog::Event> events =
      TRY(catalog::list_events(objects, cluster, [](const Error&) {}));
  TRY(catalog::find_killed(objects, cluster, clock, events));
  // What this host ran before it was started anew.
  for (catalog::Event& event : events) {
    if (!event.ended_at && event.host == host_name() && !event.process.empty() &&
        !catalog::is_of_this_boot(event.process)) {
      event.killed = true;
    }
  }
  return history_of(events, lineage.first_seen, clock.now());
}

}  // namespace walkback::agent
