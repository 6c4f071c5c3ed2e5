#include "broker/internal_writer.h"

#include <memory>
#include <utility>

#include "broker/broker.h"
#include "protocol/record.h"

namespace walrus::broker {

namespace {

/// The answer to one request, for whoever asked.
class OneAnswer : public AnswerSink {
 public:
  explicit OneAnswer(io::Done done) : done_(std::move(done)) {}
  void answer(std::uint64_t, const Answer& answer) override {
    if (answer.kind == Answer::Kind::kError) return done_(fail(ErrorCode::kUnavailable, std::string(answer.payload)));
    done_({});
  }
  void flush() override {}

 private:
  io::Done done_;
};

std::string form_of(const storage::RecordView& view) {
  protocol::Record record{.place = {}, .key = view.key, .headers = {}, .value = view.value};
  for (const storage::RecordHeader& header : storage::headers_of(view)) {
    record.headers.push_back({.name = header.key, .value = header.value});
  }
  std::string bytes;
  (void)protocol::append_record(bytes, record);  // it was stored: its parts fit their lengths
  return bytes;
}

void write(Broker& broker, const std::string& topic, const std::string& record, io::Done done) {
  protocol::WriteOptions one;
  one.records = 1;
  broker.submit({.verb = protocol::Verb::kMput, .topic = topic, .payload = record, .arguments = one},
                std::make_shared<OneAnswer>(std::move(done)), 0);
  broker.flush();
}

}  // namespace

void InternalWriter::append(const std::string& topic, const storage::RecordView& record, io::Done done) {
  const ShardDirectory::Shard& owner = directory_.shards[directory_.shard_of(topic)];
  io::Done home = [loop = &loop_, done = std::move(done)](const Status& status) mutable {
    loop->post([done = std::move(done), status]() mutable { done(status); });
  };
  owner.loop->post([broker = owner.broker, topic, bytes = form_of(record), home = std::move(home)]() mutable {
    io::Done registered = [broker, topic, bytes = std::move(bytes),
                           home = std::move(home)](const Status& made) mutable {
      if (!made) return home(made);
      write(*broker, topic, bytes, std::move(home));
    };
    broker->submit({.verb = protocol::Verb::kRegister, .topic = topic, .payload = {}},
                   std::make_shared<OneAnswer>(std::move(registered)), 0);
  });
}

}  // namespace walrus::broker
