#include "broker/router.h"

#include <utility>

namespace walrus::broker {

namespace {

/// Stands on another shard for a session of this one: gathers answers and takes them home in one message a group.
class HomewardSink : public AnswerSink {
 public:
  HomewardSink(io::Loop& home, std::shared_ptr<AnswerSink> origin) : home_(home), origin_(std::move(origin)) {}

  ~HomewardSink() override {
    // The session's last reference must go on its own thread.
    home_.post([origin = std::move(origin_)] {});
  }

  void answer(std::uint64_t slot, const Answer& answer) override {
    items_.push_back({.slot = slot,
                      .kind = answer.kind,
                      .size = static_cast<std::uint32_t>(answer.payload.size()),
                      .pieces = static_cast<std::uint32_t>(answer.body.size())});
    bytes_.append(answer.payload);
    pieces_.insert(pieces_.end(), answer.body.begin(), answer.body.end());
  }

  void park(std::uint64_t slot) override {
    home_.post([origin = origin_, slot] { origin->park(slot); });
  }

  void flush() override {
    if (items_.empty()) return;
    home_.post([origin = origin_, items = std::exchange(items_, {}), bytes = std::exchange(bytes_, {}),
                pieces = std::exchange(pieces_, {})] {
      std::string_view rest = bytes;
      std::span<const SharedBytes> rest_pieces = pieces;
      for (const Item& item : items) {
        origin->answer(
            item.slot,
            {.kind = item.kind, .payload = rest.substr(0, item.size), .body = rest_pieces.first(item.pieces)});
        rest.remove_prefix(item.size);
        rest_pieces = rest_pieces.subspan(item.pieces);
      }
      origin->flush();
    });
  }

 private:
  struct Item {
    std::uint64_t slot;
    Answer::Kind kind;
    std::uint32_t size;    // of its payload in bytes_
    std::uint32_t pieces;  // of its body in pieces_
  };
  io::Loop& home_;
  std::shared_ptr<AnswerSink> origin_;
  std::vector<Item> items_;
  std::string bytes_;
  std::vector<SharedBytes> pieces_;
};

}  // namespace

Router::Router(std::uint32_t shard, const ShardDirectory& directory, MetricsSource metrics, NodeAdmin* nodes,
               TopicAdmin* topics)
    : shard_(shard),
      directory_(directory),
      metrics_(std::move(metrics)),
      nodes_(nodes),
      topics_(topics),
      crossings_(directory.shards.size()) {}

void Router::submit(const protocol::Request& request, const std::shared_ptr<AnswerSink>& sink, std::uint64_t slot) {
  if (request.verb == protocol::Verb::kMetrics) return answer_metrics(sink, slot);
  if (NodeAdmin::is_ours(request.verb)) return administer(nodes_, request, sink, slot);
  if (TopicAdmin::is_ours(request.verb)) return administer(topics_, request, sink, slot);
  const bool any_shard = request.verb == protocol::Verb::kProducer;
  const std::uint32_t owner = any_shard ? shard_ : directory_.shard_of(request.topic);
  if (owner == shard_) {
    directory_.shards[shard_].broker->submit(request, sink, slot);
  } else {
    cross(owner, request, sink, slot);
  }
}

void Router::flush() {
  directory_.shards[shard_].broker->flush();
  for (std::uint32_t shard = 0; shard < crossings_.size(); ++shard) {
    if (crossings_[shard].items.empty()) continue;
    Broker* broker = directory_.shards[shard].broker;
    directory_.shards[shard].loop->post(
        [broker, crossing = std::exchange(crossings_[shard], {})] { carry_out(*broker, crossing); });
  }
}

template <class Admin>
void Router::administer(Admin* admin, const protocol::Request& request, const std::shared_ptr<AnswerSink>& sink,
                        std::uint64_t slot) {
  const Waiter waiter{sink, slot};
  if (admin == nullptr) return answer_error({waiter}, {ErrorCode::kUnsupported, {}});
  admin->carry_out(request, [waiter](const Result<std::string>& answer) {
    if (!answer) return answer_error({waiter}, answer.error());
    const auto kind = answer->empty() ? Answer::Kind::kOk : Answer::Kind::kOkPayload;
    answer_all({waiter}, {.kind = kind, .payload = *answer});
  });
}

void Router::answer_metrics(const std::shared_ptr<AnswerSink>& sink, std::uint64_t slot) {
  metrics_([waiter = Waiter{sink, slot}](Result<std::string> metrics) {
    if (!metrics) return answer_error({waiter}, metrics.error());
    answer_all({waiter}, {.kind = Answer::Kind::kOkPayload, .payload = *metrics});
  });
}

void Router::cross(std::uint32_t shard, const protocol::Request& request, const std::shared_ptr<AnswerSink>& sink,
                   std::uint64_t slot) {
  Crossing& crossing = crossings_[shard];
  if (crossing.last_origin != sink.get()) {
    crossing.sinks.push_back(std::make_shared<HomewardSink>(*directory_.shards[shard_].loop, sink));
    crossing.last_origin = sink.get();
  }
  crossing.items.push_back({.request = request, .sink = crossing.sinks.size() - 1, .slot = slot});
  protocol::pack(request, crossing.bytes);
}

void Router::carry_out(Broker& broker, const Crossing& crossing) {
  std::string_view rest = crossing.bytes;
  for (const Crossing::Item& item : crossing.items) {
    broker.submit(protocol::unpack(item.request, rest), crossing.sinks[item.sink], item.slot);
  }
  broker.flush();
}

}  // namespace walrus::broker
