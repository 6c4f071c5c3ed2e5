// RocksDB as the engine's peer: its write-ahead log as DB::Put uses it, with the group commit of its write threads. The
// memtable is large enough that nothing is flushed or compacted during a run; WAL files are recycled, which is to
// RocksDB's advantage.
#include "bench/engine_systems.h"

#ifndef WALRUS_HAVE_ROCKSDB

namespace walrus::bench {

Result<double> rocksdb_appends(const AppendPlan&) {
  return fail(ErrorCode::kUnsupported, "built without RocksDB (librocksdb-dev)");
}

}  // namespace walrus::bench

#else

#include <rocksdb/db.h>

#include <cstring>

namespace walrus::bench {

Result<double> rocksdb_appends(const AppendPlan& plan) {
  rocksdb::Options options;
  options.create_if_missing = true;
  options.write_buffer_size = std::size_t{2} << 30;
  options.max_write_buffer_number = 2;
  options.disable_auto_compactions = true;
  options.compression = rocksdb::kNoCompression;
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(options, plan.directory.string(), &opened);
  if (!status.ok()) return fail(ErrorCode::kIo, "RocksDB: " + status.ToString());
  const std::unique_ptr<rocksdb::DB> database(opened);
  rocksdb::WriteOptions write;
  write.sync = plan.synced;
  const std::string value(plan.record_bytes, 'x');
  return appends_per_second(plan.threads, plan.duration, [&](std::size_t thread, std::uint64_t number) -> Status {
    char key[sizeof thread + sizeof number];
    std::memcpy(key, &thread, sizeof thread);
    std::memcpy(key + sizeof thread, &number, sizeof number);
    const rocksdb::Status put = database->Put(write, rocksdb::Slice(key, sizeof key), value);
    if (!put.ok()) return fail(ErrorCode::kIo, "RocksDB: " + put.ToString());
    return {};
  });
}

}  // namespace walrus::bench

#endif
