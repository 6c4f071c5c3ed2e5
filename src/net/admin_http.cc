#include "net/admin_http.h"

#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <chrono>
#include <utility>

#include "base/limits.h"

namespace walrus::net {

namespace beast = boost::beast;
namespace http = beast::http;

struct AdminHttp::Shared {
  Pages pages;
  std::size_t open = 0;
};

/// One request and its response.
class AdminHttp::Exchange : public std::enable_shared_from_this<Exchange> {
 public:
  Exchange(std::shared_ptr<Shared> shared, boost::asio::ip::tcp::socket socket)
      : shared_(std::move(shared)), stream_(std::move(socket)) {
    ++shared_->open;
    parser_.body_limit(limits::kMaxAdminRequestBytes);
    parser_.header_limit(limits::kMaxAdminRequestBytes);
  }
  ~Exchange() { --shared_->open; }

  void start() {
    stream_.expires_after(limits::kAdminTimeout);
    http::async_read(stream_, buffer_, parser_, [self = shared_from_this()](beast::error_code error, std::size_t) {
      if (!error) {
        self->answer(self->make_page());
      } else if (error.category() == http::make_error_code(http::error::bad_method).category()) {
        self->answer({.status = 400, .body = "bad request\n"});
      }
    });
  }

 private:
  AdminPage make_page() const {
    const auto& request = parser_.get();
    if (request.method() != http::verb::get) return {.status = 405, .body = "only GET\n"};
    const std::string_view target(request.target().data(), request.target().size());
    auto page = shared_->pages(target.substr(0, target.find('?')));
    return page ? std::move(*page) : AdminPage{.status = 404, .body = "no such page\n"};
  }

  void answer(AdminPage page) {
    response_.result(static_cast<unsigned>(page.status));
    response_.set(http::field::content_type, page.content_type);
    response_.body() = std::move(page.body);
    response_.keep_alive(false);
    response_.prepare_payload();
    http::async_write(stream_, response_, [self = shared_from_this()](beast::error_code, std::size_t) {
      beast::error_code ignored;
      self->stream_.socket().shutdown(boost::asio::socket_base::shutdown_send, ignored);
    });
  }

  std::shared_ptr<Shared> shared_;
  beast::tcp_stream stream_;
  beast::flat_buffer buffer_{2 * limits::kMaxAdminRequestBytes};
  http::request_parser<http::string_body> parser_;
  http::response<http::string_body> response_;
};

AdminHttp::AdminHttp(boost::asio::io_context& context, std::unique_ptr<TcpAcceptor> acceptor, Pages pages)
    : context_(context),
      acceptor_(std::move(acceptor)),
      shared_(std::make_shared<Shared>(Shared{.pages = std::move(pages), .open = 0})) {}

AdminHttp::~AdminHttp() { stop(); }

void AdminHttp::start() {
  acceptor_->start([this](AcceptedSocket accepted) {
    if (shared_->open >= limits::kMaxAdminConnections) return;
    std::make_shared<Exchange>(shared_, std::move(accepted).take(context_))->start();
  });
}

}  // namespace walrus::net
