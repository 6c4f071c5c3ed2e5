// What the sessions of one shard hand their requests to: requests for topics of this shard go straight to its broker,
// others cross over to their shard in one message a group, and their answers come back the same way.
//
// Loop thread only.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "broker/broker.h"
#include "broker/node_admin.h"
#include "broker/request_sink.h"
#include "broker/topic_admin.h"

namespace walrus::broker {

/// Answers METRICS: called on the shard's loop, and calls back there with the JSON.
using MetricsSource = std::function<void(std::move_only_function<void(Result<std::string>)> done)>;

class Router : public RequestSink {
 public:
  Router(std::uint32_t shard, const ShardDirectory& directory, MetricsSource metrics, NodeAdmin* nodes = nullptr,
         TopicAdmin* topics = nullptr);

  void submit(const protocol::Request& request, const std::shared_ptr<AnswerSink>& sink, std::uint64_t slot) override;
  void flush() override;

 private:
  /// Requests on their way to another shard; what their views name stands in `bytes`, one behind the other.
  struct Crossing {
    struct Item {
      protocol::Request request;  // its views only have sizes until it is unpacked
      std::size_t sink;
      std::uint64_t slot;
    };
    std::vector<Item> items;
    std::string bytes;
    std::vector<std::shared_ptr<AnswerSink>> sinks;
    AnswerSink* last_origin = nullptr;  // whose proxy sinks.back() is
  };

  template <class Admin>
  static void administer(Admin* admin, const protocol::Request& request, const std::shared_ptr<AnswerSink>& sink,
                         std::uint64_t slot);
  void answer_metrics(const std::shared_ptr<AnswerSink>& sink, std::uint64_t slot);
  void cross(std::uint32_t shard, const protocol::Request& request, const std::shared_ptr<AnswerSink>& sink,
             std::uint64_t slot);
  static void carry_out(Broker& broker, const Crossing& crossing);

  const std::uint32_t shard_;
  const ShardDirectory& directory_;
  MetricsSource metrics_;
  NodeAdmin* nodes_;                 // null: its requests are refused
  TopicAdmin* topics_;               // likewise
  std::vector<Crossing> crossings_;  // by shard
};

}  // namespace walrus::broker
