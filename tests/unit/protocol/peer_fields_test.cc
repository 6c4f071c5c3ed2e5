// The messages of peer.proto keep their bytes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "peer.pb.h"
#include "tests/golden/field_lines.h"

namespace walrus {
namespace {

TEST(PeerFields, KeepTheirBytes) {
  const auto golden = test::golden_field_lines("protocol/peer");
  const auto now = test::field_lines(*peer::Hello::descriptor()->file());
  EXPECT_THAT(test::lines_without(golden, now), ::testing::IsEmpty()) << "bytes that others rely on have changed";
  EXPECT_THAT(test::lines_without(now, golden), ::testing::IsEmpty()) << "new fields: add them to the golden file";
}

}  // namespace
}  // namespace walrus
