#include "walrus/client/endpoint.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <unistd.h>

#include "tests/unit/client/fake_server.h"

namespace walrus::client {
namespace {

TEST(Endpoint, SeveralAddressesAreSplitAtCommas) {
  const auto endpoints = parse_endpoints("127.0.0.1:9091,node-2:9092,[::1]:9093");
  ASSERT_TRUE(endpoints);
  ASSERT_EQ(endpoints->size(), 3U);
  EXPECT_EQ((*endpoints)[1].host, "node-2");
  EXPECT_EQ((*endpoints)[1].port, "9092");
  EXPECT_EQ((*endpoints)[2].host, "::1");
  EXPECT_EQ((*endpoints)[2].text(), "[::1]:9093");
}

TEST(Endpoint, WhatIsNoAddressIsRefusedWithTheReason) {
  for (const char* text :
       {"", "host", ":9091", "host:", "host:0", "host:65536", "host:12x", "a:1,", "::1:9091", "[]:1"}) {
    const auto endpoints = parse_endpoints(text);
    ASSERT_FALSE(endpoints) << text;
    EXPECT_EQ(endpoints.error().kind, ErrorKind::kInvalidRequest) << text;
    EXPECT_FALSE(endpoints.error().text.empty()) << text;
  }
}

TEST(Endpoint, AConnectedSocketSendsWithoutDelay) {
  const testing::FakeServer server;
  const auto socket = connect_tcp({"localhost", std::to_string(server.port())}, std::chrono::seconds(5));
  ASSERT_TRUE(socket) << socket.error().text;
  int delay_off = 0;
  socklen_t size = sizeof delay_off;
  ASSERT_EQ(::getsockopt(*socket, IPPROTO_TCP, TCP_NODELAY, &delay_off, &size), 0);
  EXPECT_NE(delay_off, 0);
  ::close(*socket);
}

}  // namespace
}  // namespace walrus::client
