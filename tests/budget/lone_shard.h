// One shard of a standalone node as walrusd composes it, on the calling thread alone: client sessions over real
// sockets, router, broker, leader, store. Only the metadata is a fake, so that no timer of Raft runs, and the disk is
// the caller's choice. Nothing happens outside of serve().
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "broker/broker.h"
#include "broker/router.h"
#include "io/asio_loop.h"
#include "net/session_group.h"
#include "storage/shard_store.h"
#include "tests/fakes/fake_metadata.h"
#include "tests/fakes/fake_transport.h"

namespace walrus::budget {

class LoneShard {
 public:
  /// Topics are "t0", "t1", …, and exist already. An error is one of the disk.
  static Result<std::unique_ptr<LoneShard>> open(io::AsioLoop& loop, io::Disk& disk, const std::string& directory,
                                                 std::size_t topics);

  /// A client's end of a new connection: a blocking socket, the caller's to close.
  int connect();

  /// Waits until there is something to do, and does all there is.
  void serve();

 private:
  LoneShard(io::AsioLoop& loop, std::size_t topics);

  io::AsioLoop& loop_;
  testing_fakes::FakeMetadata cluster_;
  testing_fakes::FakeNetwork network_;
  std::unique_ptr<testing_fakes::FakeMetadataClient> metadata_;
  std::unique_ptr<testing_fakes::FakeTransport> transport_;
  std::unique_ptr<storage::ShardStore> store_;
  broker::ShardDirectory directory_;
  std::unique_ptr<broker::Broker> broker_;
  std::unique_ptr<broker::Router> router_;
  std::shared_ptr<net::ConnectionCount> connections_ = std::make_shared<net::ConnectionCount>();
  std::unique_ptr<net::SessionGroup> sessions_;
  boost::asio::ip::tcp::acceptor acceptor_;
};

}  // namespace walrus::budget
