// The fixture of tests that need one walrusd: a fresh one for each test, which must still be alive at the end and stop
// cleanly on SIGTERM. So a crash, a leak or a failed sanitizer check in the server fails the test that caused it.
#pragma once

#include <gtest/gtest.h>

#include "tests/harness/node.h"

namespace walrus::test {

class SingleNode : public ::testing::Test {
 protected:
  void SetUp() override { node_.start_and_wait(); }
  void TearDown() override {
    ASSERT_TRUE(node_.running()) << node_.errors();
    ASSERT_NO_THROW(node_.stop());
  }

  const TempDir folder_;
  Node node_{NodeOptions{.id = 1, .data_dir = folder_ / "data", .join = {}, .flags = {}, .environment = {}}};
};

/// GETs until EMPTY; what came, in order.
inline std::vector<std::string> drain(Connection& connection, const std::string& topic) {
  std::vector<std::string> payloads;
  for (;;) {
    const std::string reply = connection.request("GET " + topic);
    if (reply == "EMPTY") return payloads;
    payloads.push_back(ok_payload(reply));
  }
}

}  // namespace walrus::test
