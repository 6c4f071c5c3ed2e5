#include "net/admin_http.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/unit/net/loop_thread.h"
#include "tests/unit/net/raw_client.h"

namespace walrus::net {
namespace {

class AdminHttpTest : public testing::Test {
 public:
  AdminHttpTest() {
    loop_.run([&] {
      http_ = std::make_unique<AdminHttp>(loop_.context(), TcpAcceptor::open(loop_.context(), "127.0.0.1", 0).value(),
                                          [](std::string_view path) -> std::optional<AdminPage> {
                                            if (path == "/healthz") return AdminPage{.body = "ok\n"};
                                            return std::nullopt;
                                          });
      http_->start();
    });
  }
  ~AdminHttpTest() override { loop_.stop(); }

 protected:
  std::string ask(const std::string& request) {
    RawClient client(http_->port());
    EXPECT_TRUE(client.send(request));
    return client.rest();
  }

  LoopThread loop_;
  std::unique_ptr<AdminHttp> http_;
};

TEST_F(AdminHttpTest, ServesAPageAndClosesTheConnection) {
  const std::string reply = ask("GET /healthz?verbose=1 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(reply.starts_with("HTTP/1.1 200 OK\r\n")) << reply;
  EXPECT_TRUE(reply.ends_with("\r\n\r\nok\n")) << reply;
}

TEST_F(AdminHttpTest, RefusesOtherPathsMethodsAndWhatIsNoHttp) {
  EXPECT_TRUE(ask("GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n").starts_with("HTTP/1.1 404"));
  EXPECT_TRUE(ask("POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n").starts_with("HTTP/1.1 405"));
  EXPECT_TRUE(ask("\1\2\3\4 nonsense\r\n\r\n").starts_with("HTTP/1.1 400"));
  EXPECT_TRUE(ask("GET /" + std::string(100'000, 'x') + " HTTP/1.1\r\n\r\n").find("200 OK") == std::string::npos);
  EXPECT_TRUE(ask("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").starts_with("HTTP/1.1 200"));
}

}  // namespace
}  // namespace walrus::net
