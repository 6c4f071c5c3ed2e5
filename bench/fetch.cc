#include "bench/fetch.h"

#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <poll.h>
#include <system_error>
#include <thread>
#include <unistd.h>

#include "bench/lane.h"

namespace walrus::bench {
namespace {

constexpr std::size_t kFetchReceiveBytes = 1024 * 1024;
constexpr int kLookForEnd = 100;  // ms

class Consumer {
 public:
  Consumer(int socket, const FetchPlan& plan, std::size_t number, Nanoseconds begin, Nanoseconds end)
      : socket_(socket),
        codec_(plan.codec(number)),
        once_(plan.once),
        from_end_(plan.from_end),
        begin_(begin),
        end_(end),
        in_(kFetchReceiveBytes, '\0') {}
  ~Consumer() { ::close(socket_); }
  Consumer(const Consumer&) = delete;
  Consumer& operator=(const Consumer&) = delete;

  void run() {
    while (!over()) {
      const Nanoseconds began = monotonic_now();
      Fetched fetched;
      if (!send() || !receive(fetched)) break;
      count(fetched, began);
      if (fetched.kind != Fetched::Kind::kRecords) break;
      if (!fetched.at_end) continue;
      if (once_) {
        result_.load.drained = true;
        break;
      }
      if (!from_end_) codec_->rewind();
    }
    finished_at_ = monotonic_now();
    finished_ = true;
  }

  const FetchResult& result() const { return result_; }
  Nanoseconds finished_at() const { return finished_at_; }
  std::uint64_t seen() const { return seen_.load(std::memory_order_relaxed); }
  bool finished() const { return finished_; }

 private:
  bool over() const { return !once_ && monotonic_now() >= end_; }

  bool break_off(int error) {
    const std::string reason = error == 0 ? "closed by the server" : std::generic_category().message(error);
    ++result_.load.broken_connections;
    ++result_.load.failed;
    ++result_.load.errors["connection broke: " + reason];
    return false;
  }

  bool send() {
    out_.clear();
    codec_->append_fetch(out_);
    std::string_view rest = out_;
    while (!rest.empty()) {
      const ssize_t sent = ::send(socket_, rest.data(), rest.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno != EAGAIN && errno != EINTR) return break_off(errno);
      if (sent > 0) rest.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  /// False when the connection broke or the time is up.
  bool receive(Fetched& fetched) {
    for (;;) {
      std::string_view input = std::string_view(in_).substr(0, filled_);
      if (codec_->take(input, fetched)) {
        filled_ = 0;  // one request, one reply: nothing can be behind it
        return true;
      }
      if (filled_ == in_.size()) in_.resize(2 * in_.size());
      const ssize_t got = ::recv(socket_, in_.data() + filled_, in_.size() - filled_, 0);
      if (got == 0) return break_off(0);
      if (got > 0) {
        filled_ += static_cast<std::size_t>(got);
        continue;
      }
      if (errno != EAGAIN && errno != EINTR) return break_off(errno);
      pollfd readable{.fd = socket_, .events = POLLIN, .revents = 0};
      ::poll(&readable, 1, kLookForEnd);
      if (over()) return false;
    }
  }

  void count(const Fetched& fetched, Nanoseconds began) {
    if (fetched.kind != Fetched::Kind::kRecords) {
      ++result_.load.failed;
      ++result_.load
            .errors[fetched.kind == Fetched::Kind::kError ? fetched.error
                                                          : "what came back is not an answer of this kind of server"];
      return;
    }
    seen_.fetch_add(fetched.records, std::memory_order_relaxed);
    const Nanoseconds now = monotonic_now();
    if (now < begin_ || (!once_ && now >= end_)) return;
    if (fetched.records == 0) {
      ++result_.load.empty;
      return;
    }
    result_.bytes += fetched.bytes;
    result_.load.latency.record(static_cast<std::uint64_t>(now - began));
    count_done(result_.load, std::chrono::nanoseconds(now - begin_), fetched.records);
  }

  const int socket_;
  const std::unique_ptr<FetchCodec> codec_;
  const bool once_;
  const bool from_end_;
  const Nanoseconds begin_;
  const Nanoseconds end_;
  std::string out_;
  std::string in_;
  std::size_t filled_ = 0;
  FetchResult result_;
  Nanoseconds finished_at_ = 0;
  std::atomic<std::uint64_t> seen_ = 0;
  std::atomic<bool> finished_ = false;
};

void watch_consumers(const std::vector<std::unique_ptr<Consumer>>& consumers,
                     const std::function<void(const LoadStatus&)>& show) {
  const Nanoseconds start = monotonic_now();
  auto next = std::chrono::steady_clock::now() + kStatusInterval;
  while (!std::ranges::all_of(consumers, [](const auto& consumer) { return consumer->finished(); })) {
    std::this_thread::sleep_for(kLookInterval);
    if (std::chrono::steady_clock::now() < next) continue;
    next += kStatusInterval;
    LoadStatus status{.seconds = static_cast<double>(monotonic_now() - start) / 1e9};
    for (const auto& consumer : consumers) status.done += consumer->seen();
    show(status);
  }
}

}  // namespace

client::Result<FetchResult> run_fetch(const FetchPlan& plan, const std::function<void(const LoadStatus&)>& on_status) {
  const Nanoseconds begin = monotonic_now() + plan.warmup.count();
  const Nanoseconds end = begin + plan.duration.count();
  std::vector<std::unique_ptr<Consumer>> consumers;
  for (std::size_t i = 0; i < plan.consumers; ++i) {
    const client::Endpoint& endpoint = plan.endpoints[i % plan.endpoints.size()];
    auto socket = client::connect_tcp(endpoint, kConnectTimeout);
    if (!socket) {
      socket.error().text = "cannot connect to " + endpoint.text() + ": " + socket.error().text;
      return std::unexpected(std::move(socket.error()));
    }
    consumers.push_back(std::make_unique<Consumer>(*socket, plan, i, begin, end));
  }
  {
    std::vector<std::jthread> threads;
    threads.reserve(consumers.size());
    for (const auto& consumer : consumers) threads.emplace_back([&consumer] { consumer->run(); });
    watch_consumers(consumers, on_status);
  }
  FetchResult result;
  Nanoseconds last = begin;
  result.load.drained = plan.once;
  for (const auto& consumer : consumers) {
    const FetchResult& part = consumer->result();
    merge(result.load, part.load);
    result.bytes += part.bytes;
    result.load.drained = result.load.drained && part.load.drained;
    last = std::max(last, consumer->finished_at());
  }
  result.load.seconds = static_cast<double>(plan.once ? last - begin : std::min(last, end) - begin) / 1e9;
  return result;
}

}  // namespace walrus::bench
