#include "catalog/names.h"

#include "catalog/names.pb.h"
#include "catalog/sealed_message.h"

namespace walkback::catalog {

namespace {

constexpr uint16_t kVersion = 1;
constexpr int kCompressionLevel = 3;
constexpr size_t kLargest = 1 << 30;

void encode(const NamedSchema& schema, proto::Schema& message) {
  message.set_oid(schema.oid);
  message.set_name(schema.name);
  for (const NamedRelation& relation : schema.relations) {
    proto::Schema::Relation& added = *message.add_relations();
    added.set_oid(relation.oid);
    added.set_name(relation.name);
    added.set_tablespace(relation.tablespace);
    added.set_file(relation.file);
    added.set_kind(static_cast<uint8_t>(relation.kind));
    added.set_rows(relation.rows);
  }
}

NamedSchema decode(const proto::Schema& message) {
  NamedSchema schema{message.oid(), message.name(), {}};
  for (const proto::Schema::Relation& relation : message.relations()) {
    schema.relations.push_back({relation.oid(), relation.name(), relation.tablespace(),
                                relation.file(), static_cast<char>(relation.kind() & 0x7F),
                                relation.rows()});
  }
  return schema;
}

}  // namespace

Result<void> put_names(store::ObjectStore& objects, const store::ObjectKey& key,
                       const Names& names) {
  proto::Names message;
  for (const NamedDatabase& database : names.databases) {
    proto::Database& added = *message.add_databases();
    added.set_oid(database.oid);
    added.set_name(database.name);
    added.set_tablespace(database.tablespace);
    for (const NamedSchema& schema : database.schemas) encode(schema, *added.add_schemas());
  }
  for (const std::string& database : names.not_asked) message.add_not_asked(database);
  TRY(put_sealed(objects, key, repo::SealedKind::kNames, kVersion, kCompressionLevel,
                 message.SerializeAsString()));
  return success();
}

Result<Names> get_names(store::ObjectStore& objects, const store::ObjectKey& key) {
  const Bytes payload = TRY(get_sealed(objects, key, repo::SealedKind::kNames, kVersion, kLargest));
  proto::Names message;
  if (!message.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) {
    return make_error(ErrorKind::kCorrupt, key.text() + " is damaged: it holds no names",
                      "restore this object from another copy of the repository");
  }
  Names names;
  for (const proto::Database& database : message.databases()) {
    NamedDatabase& added = names.databases.emplace_back(
        NamedDatabase{database.oid(), database.name(), database.tablespace(), {}});
    for (const proto::Schema& schema : database.schemas()) added.schemas.push_back(decode(schema));
  }
  names.not_asked.assign(message.not_asked().begin(), message.not_asked().end());
  return names;
}

}  // namespace walkback::catalog
