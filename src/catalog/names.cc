#include "catalog/names.h"

#include <algorithm>
#include <iterator>

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
    added.set_partition_of(relation.partition_of);
  }
}

NamedSchema decode(const proto::Schema& message) {
  NamedSchema schema{message.oid(), message.name(), {}};
  for (const proto::Schema::Relation& relation : message.relations()) {
    schema.relations.push_back({relation.oid(), relation.name(), relation.tablespace(),
                                relation.file(), static_cast<char>(relation.kind() & 0x7F),
                                relation.rows(), relation.partition_of()});
  }
  return schema;
}

class Writer final : public NamesWriter {
 public:
  explicit Writer(std::unique_ptr<repo::SealedWriter> sealed) : sealed_(std::move(sealed)) {}

  Result<void> add(const NamedDatabase& piece) override {
    proto::Names message;
    proto::Database& added = *message.add_databases();
    added.set_oid(piece.oid);
    added.set_name(piece.name);
    added.set_tablespace(piece.tablespace);
    for (const NamedSchema& schema : piece.schemas) encode(schema, *added.add_schemas());
    return append(message);
  }

  Result<void> add_not_asked(const std::string& database) override {
    proto::Names message;
    message.add_not_asked(database);
    return append(message);
  }

  Result<codec::Sha256> finish() override {
    TRY(sealed_->finish());
    return sealed_->seal();
  }

 private:
  // Messages one after another are one message with the fields of all (Protocol Buffers,
  // "Encoding", Last One Wins): none of these stands alone.
  Result<void> append(const proto::Names& part) {
    return sealed_->append(as_bytes(part.SerializeAsString()));
  }

  std::unique_ptr<repo::SealedWriter> sealed_;
};

}  // namespace

Result<std::unique_ptr<NamesWriter>> create_names(store::ObjectStore& objects,
                                                  const store::ObjectKey& key) {
  return std::unique_ptr<NamesWriter>(std::make_unique<Writer>(TRY(
      repo::create_sealed(objects, key, repo::SealedKind::kNames, kVersion, kCompressionLevel))));
}

void add_piece(Names& names, NamedDatabase piece) {
  if (names.databases.empty() || names.databases.back().oid != piece.oid) {
    names.databases.push_back(std::move(piece));
    return;
  }
  std::vector<NamedSchema>& schemas = names.databases.back().schemas;
  for (NamedSchema& more : piece.schemas) {
    const auto known = std::ranges::find(schemas, more.oid, &NamedSchema::oid);
    if (known == schemas.end()) {
      schemas.push_back(std::move(more));
    } else {
      std::ranges::move(more.relations, std::back_inserter(known->relations));
    }
  }
}

Result<codec::Sha256> put_names(store::ObjectStore& objects, const store::ObjectKey& key,
                                const Names& names) {
  std::unique_ptr<NamesWriter> writer = TRY(create_names(objects, key));
  for (const NamedDatabase& database : names.databases) TRY(writer->add(database));
  for (const std::string& database : names.not_asked) TRY(writer->add_not_asked(database));
  return writer->finish();
}

Result<Names> get_names(store::ObjectStore& objects, const store::ObjectKey& key) {
  return TRY(get_saved_names(objects, key)).names;
}

Result<SavedNames> get_saved_names(store::ObjectStore& objects, const store::ObjectKey& key) {
  const auto [payload, seal] =
      TRY(get_sealed_message(objects, key, repo::SealedKind::kNames, kVersion, kLargest));
  proto::Names message;
  if (!message.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) {
    return make_error(ErrorKind::kCorrupt, key.text() + " is damaged: it holds no names",
                      "restore this object from another copy of the repository");
  }
  Names names;
  for (const proto::Database& database : message.databases()) {
    NamedDatabase piece{database.oid(), database.name(), database.tablespace(), {}};
    for (const proto::Schema& schema : database.schemas()) piece.schemas.push_back(decode(schema));
    add_piece(names, std::move(piece));
  }
  names.not_asked.assign(message.not_asked().begin(), message.not_asked().end());
  return SavedNames{std::move(names), seal};
}

}  // namespace walkback::catalog
