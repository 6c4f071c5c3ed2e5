#include "walrus/client/client.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <functional>

#include "answer.h"
#include "base/assert.h"
#include "byte_gate.h"
#include "channel.h"

namespace walrus::client {
namespace {

Options connection_options(const ClientOptions& options) {
  return Options{.endpoints = options.endpoints,
                 .connect_timeout = options.connect_timeout,
                 .reply_timeout = options.request_timeout,
                 .max_frame_bytes = options.max_frame_bytes};
}

template <class T>
Pending<T> ready(T value) {
  const typename Pending<T>::Source source;
  source.complete(std::move(value));
  return source.pending();
}

}  // namespace

class Client::Impl {
 public:
  explicit Impl(ClientOptions options) : options_(std::move(options)), gate_(options_.max_queued_bytes) {
    WALRUS_ASSERT(!options_.endpoints.empty() && options_.connections > 0);
    for (std::size_t index = 0; index < options_.connections; ++index) {
      Options own = connection_options(options_);
      // Each connection begins with another address.
      std::ranges::rotate(own.endpoints,
                          own.endpoints.begin() + static_cast<std::ptrdiff_t>(index % own.endpoints.size()));
      channels_.push_back(std::make_unique<Channel>(std::move(own)));
    }
  }

  /// What the calls under way are answered with may make others; those are told at once.
  ~Impl() {
    closing_ = true;
    for (const auto& channel : channels_) channel->stop();
    for (const auto& channel : channels_) channel->join();
  }

  const ClientOptions& options() const { return options_; }

  /// Sends the request over the connection of `topic`, and completes with what `decode` makes of the answer.
  template <class T>
  Pending<Result<T>> call(std::string_view topic, std::string request, bool repeatable,
                          Result<T> (*decode)(const Result<Reply>&)) {
    if (closing_) {
      return ready<Result<T>>(std::unexpected(Error{.kind = ErrorKind::kClosed, .text = "the client was closed"}));
    }
    const std::size_t bytes = request.size();
    const bool ours = std::ranges::any_of(channels_, [](const auto& channel) { return channel->on_thread(); });
    if (!ours) {
      gate_.enter(bytes);
    } else if (!gate_.try_enter(bytes)) {
      return ready<Result<T>>(
          std::unexpected(Error{.kind = ErrorKind::kOverloaded, .text = "too many requests wait in this client"}));
    }
    const typename Pending<Result<T>>::Source source;
    Channel& channel = *channels_[std::hash<std::string_view>{}(topic) % channels_.size()];
    channel.submit({.request = std::move(request),
                    .repeatable = repeatable,
                    .deadline = Call::Clock::now() + options_.request_timeout,
                    .done = [this, source, bytes, decode](const Result<Reply>& reply) {
                      gate_.leave(bytes);
                      source.complete(decode(reply), options_.resume);
                    }});
    return source.pending();
  }

  /// A request of a group, whose name follows the rules of topics.
  template <class T>
  Pending<Result<T>> call_group(std::string_view verb, std::string_view topic, std::string_view group, std::string rest,
                                bool repeatable, Result<T> (*decode)(const Result<Reply>&)) {
    if (auto valid = check_topic(topic); !valid) return ready<Result<T>>(std::unexpected(std::move(valid.error())));
    if (auto valid = check_group(group); !valid) return ready<Result<T>>(std::unexpected(std::move(valid.error())));
    return call(topic, fmt::format("{} {} {} {}", verb, topic, group, rest), repeatable, decode);
  }

 private:
  const ClientOptions options_;
  ByteGate gate_;
  std::atomic<bool> closing_ = false;
  std::vector<std::unique_ptr<Channel>> channels_;
};

Client::Client(ClientOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Client::~Client() = default;
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;

Pending<Result<void>> Client::register_topic(std::string_view topic, std::string_view options) {
  if (auto valid = check_topic(topic); !valid) return ready(std::move(valid));
  std::string request = "REGISTER " + std::string(topic);
  if (!options.empty()) request.append(" ").append(options);
  return impl_->call(topic, std::move(request), true, plain_ok);
}

Pending<Result<void>> Client::put(std::string_view topic, std::string_view payload) {
  std::string request = "PUT " + std::string(topic) + " ";
  if (auto valid = check_record(topic, request, payload); !valid) return ready(std::move(valid));
  return impl_->call(topic, request.append(payload), false, plain_ok);
}

Pending<Result<std::uint64_t>> Client::append(std::string_view topic, std::string_view payload) {
  std::string request = "APPEND " + std::string(topic) + " ";
  if (auto valid = check_record(topic, request, payload); !valid) {
    return ready<Result<std::uint64_t>>(std::unexpected(std::move(valid.error())));
  }
  return impl_->call(topic, request.append(payload), false, number_of);
}

Pending<Result<std::optional<std::string>>> Client::get(std::string_view topic) {
  if (auto valid = check_topic(topic); !valid) {
    return ready<Result<std::optional<std::string>>>(std::unexpected(std::move(valid.error())));
  }
  return impl_->call(topic, "GET " + std::string(topic), false, record_of);
}

Pending<Result<Records>> Client::fetch(std::string_view topic, std::string_view place, const FetchOptions& options) {
  if (auto valid = check_topic(topic); !valid) return ready<Result<Records>>(std::unexpected(std::move(valid.error())));
  return impl_->call(topic,
                     fmt::format("FETCH {} {} max={} bytes={} wait={}", topic, place, options.max_records,
                                 options.max_bytes, options.wait.count()),
                     true, records_of);
}

Pending<Result<Records>> Client::read(std::string_view topic, std::string_view group, const ReadOptions& options) {
  return impl_->call_group<Records>("READ", topic, group,
                                    fmt::format("max={} bytes={} wait={}{}", options.max_records, options.max_bytes,
                                                options.wait.count(), options.commit ? "" : " commit=none"),
                                    !options.commit, records_of);
}

Pending<Result<std::uint64_t>> Client::commit(std::string_view topic, std::string_view group, std::uint64_t next) {
  return impl_->call_group<std::uint64_t>("COMMIT", topic, group, fmt::to_string(next), true, number_of);
}

Pending<Result<std::uint64_t>> Client::seek(std::string_view topic, std::string_view group, std::string_view place) {
  return impl_->call_group<std::uint64_t>("SEEK", topic, group, std::string(place), true, number_of);
}

Pending<Result<void>> Client::queue(std::string_view topic, std::string_view group, std::string_view settings) {
  return impl_->call_group<void>("QUEUE", topic, group, std::string(settings), true, plain_ok);
}

Pending<Result<Records>> Client::lease(std::string_view topic, std::string_view group, const LeaseOptions& options) {
  std::string bounds = fmt::format("max={} wait={}", options.max_records, options.wait.count());
  if (options.visible) bounds += fmt::format(" visible={}", options.visible->count());
  return impl_->call_group<Records>("LEASE", topic, group, std::move(bounds), false, leased_records_of);
}

Pending<Result<void>> Client::ack(std::string_view topic, std::string_view group,
                                  std::span<const std::uint64_t> offsets) {
  return impl_->call_group<void>("ACK", topic, group, fmt::to_string(fmt::join(offsets, " ")), true, plain_ok);
}

Pending<Result<void>> Client::nack(std::string_view topic, std::string_view group, const Record& record,
                                   std::optional<std::chrono::milliseconds> delay) {
  std::string what = fmt::format("{} try={}", record.offset, record.tries);
  if (delay) what += fmt::format(" delay={}", delay->count());
  return impl_->call_group<void>("NACK", topic, group, std::move(what), false, plain_ok);
}

Pending<Result<void>> Client::extend(std::string_view topic, std::string_view group, const Record& record,
                                     std::chrono::milliseconds visible) {
  return impl_->call_group<void>("EXTEND", topic, group,
                                 fmt::format("{} try={} visible={}", record.offset, record.tries, visible.count()),
                                 true, plain_ok);
}

Pending<Result<std::string>> Client::state(std::string_view topic) {
  if (auto valid = check_topic(topic); !valid) {
    return ready<Result<std::string>>(std::unexpected(std::move(valid.error())));
  }
  return impl_->call(topic, "STATE " + std::string(topic), true, payload_of);
}

Pending<Result<std::string>> Client::metrics() { return impl_->call({}, "METRICS", true, payload_of); }

Pending<Result<std::string>> Client::call(std::string request, bool repeatable) {
  const std::string_view text = request;
  const std::size_t verb = text.find(' ');
  const std::string_view rest = verb == std::string_view::npos ? std::string_view() : text.substr(verb + 1);
  const std::string topic(rest.substr(0, rest.find_first_of(" \n")));
  return impl_->call(topic, std::move(request), repeatable, text_of);
}

Result<void> Client::check_record(std::string_view topic, std::string_view head, std::string_view payload) const {
  if (auto valid = check_topic(topic); !valid) return valid;
  const std::size_t limit = impl_->options().max_frame_bytes;
  return check_payload(payload, limit > head.size() ? limit - head.size() : 0);
}

}  // namespace walrus::client
