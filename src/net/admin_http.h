// A few read-only pages for machines that watch this one: GET, HTTP/1.1, one request per connection.
//
// Happy path: `page` makes the answer for a path, at once. Failure: 404 for a path without a page, 405 for another
// method, 400 for what is no HTTP; a request that takes longer than kAdminTimeout, and any connection beyond
// kMaxAdminConnections, is closed. Loop thread only.
#pragma once

#include <boost/asio/io_context.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "net/tcp_acceptor.h"

namespace walrus::net {

struct AdminPage {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

class AdminHttp {
 public:
  using Pages = std::function<std::optional<AdminPage>(std::string_view path)>;

  AdminHttp(boost::asio::io_context& context, std::unique_ptr<TcpAcceptor> acceptor, Pages pages);
  ~AdminHttp();
  AdminHttp(const AdminHttp&) = delete;
  AdminHttp& operator=(const AdminHttp&) = delete;

  void start();
  /// No new connections; those that are open end by themselves.
  void stop() { acceptor_->stop(); }
  std::uint16_t port() const { return acceptor_->port(); }

 private:
  class Exchange;
  struct Shared;

  boost::asio::io_context& context_;
  std::unique_ptr<TcpAcceptor> acceptor_;
  std::shared_ptr<Shared> shared_;  // with the exchanges under way
};

}  // namespace walrus::net
