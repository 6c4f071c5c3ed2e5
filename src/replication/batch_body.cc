#include "replication/batch_body.h"

#include "storage/record_batch.h"

namespace walrus::replication {

Result<storage::Batches> split_batches(const SharedBytes& body) {
  storage::Batches batches;
  for (std::size_t position = 0; position < body.size();) {
    WALRUS_ASSIGN(const auto header, storage::parse_batch_header(body.view().substr(position)));
    if (header.size > body.size() - position) return fail(ErrorCode::kCorrupt, "a batch in a message is cut off");
    SharedBytes batch = body.slice(position, header.size);
    WALRUS_TRY(storage::check_batch(batch.view()));
    batches.push_back(std::move(batch));
    position += header.size;
  }
  return batches;
}

SharedBytes join_batches(const storage::Batches& batches) {
  if (batches.empty()) return {};
  if (batches.size() == 1) return batches.front();
  std::size_t bytes = 0;
  for (const SharedBytes& batch : batches) bytes += batch.size();
  std::string body;
  body.reserve(bytes);
  for (const SharedBytes& batch : batches) body.append(batch.view());
  return SharedBytes(std::move(body));
}

}  // namespace walrus::replication
