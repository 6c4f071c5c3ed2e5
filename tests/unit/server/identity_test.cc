#include "server/identity.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>

#include "io/posix_disk.h"

namespace walrus::server {
namespace {

const Identity kMember{.node_id = NodeId(3), .disk_id = Uuid(1, 2), .cluster_id = Uuid(3, 4)};

class IdentityFile : public testing::Test {
 public:
  IdentityFile() {
    char name[] = "/tmp/walrus_identity_XXXXXX";
    directory_ = ::mkdtemp(name);
  }
  ~IdentityFile() override { std::filesystem::remove_all(directory_); }

 protected:
  Result<Identity> open(std::uint64_t node = 3) { return open_identity(disk_, directory_, NodeId(node), Uuid(9, 9)); }

  io::PosixDisk disk_;
  std::string directory_;
};

TEST(IdentityText, HasTheseBytes) {
  const std::string text = format_identity(kMember);
  EXPECT_EQ(text,
            "walrus identity 1\n"
            "node 3\n"
            "disk 00000000000000010000000000000002\n"
            "cluster 00000000000000030000000000000004\n"
            "crc32c 01fe72cc\n");
}

TEST(IdentityText, ComesBackWithAndWithoutACluster) {
  Identity outsider = kMember;
  outsider.cluster_id = {};
  for (const Identity& identity : {kMember, outsider}) {
    const auto again = parse_identity(format_identity(identity));
    ASSERT_TRUE(again) << again.error().message();
    EXPECT_EQ(again->node_id, identity.node_id);
    EXPECT_EQ(again->disk_id, identity.disk_id);
    EXPECT_EQ(again->cluster_id, identity.cluster_id);
  }
}

TEST(IdentityText, IsRefusedWithAnyByteChangedOrMissing) {
  const std::string text = format_identity(kMember);
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string changed = text;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(parse_identity(changed)) << "byte " << i;
    EXPECT_FALSE(parse_identity(text.substr(0, i))) << "cut at " << i;
  }
  EXPECT_EQ(parse_identity("walrus identity 2\nwhatever").error().code, ErrorCode::kUnsupported);
}

TEST_F(IdentityFile, IsMadeWithTheDirectoryAndStays) {
  const auto made = open();
  ASSERT_TRUE(made) << made.error().message();
  EXPECT_EQ(made->disk_id, Uuid(9, 9));
  EXPECT_TRUE(made->cluster_id.is_nil());
  Identity member = *made;
  member.cluster_id = Uuid(5, 5);
  ASSERT_TRUE(store_identity(disk_, directory_, member));
  const auto again = open_identity(disk_, directory_, NodeId(3), Uuid(8, 8));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->disk_id, Uuid(9, 9));
  EXPECT_EQ(again->cluster_id, Uuid(5, 5));
}

TEST_F(IdentityFile, OfAnotherNodeIsRefused) {
  ASSERT_TRUE(open(3));
  const auto other = open(5);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, ErrorCode::kIdentityRefused);
  EXPECT_NE(other.error().detail.find("node 3, not of node 5"), std::string::npos);
}

TEST_F(IdentityFile, ThatIsDamagedOrMissingBesideDataIsCorrupt) {
  std::ofstream(directory_ + "/identity") << "walrus identity 1\nnode 3\n";
  EXPECT_EQ(open().error().code, ErrorCode::kCorrupt);
  std::filesystem::remove(directory_ + "/identity");
  std::filesystem::create_directory(directory_ + "/raft");
  EXPECT_EQ(open().error().code, ErrorCode::kCorrupt);
}

TEST_F(IdentityFile, IsMadeBesideAStrayFileThatIsNoData) {
  std::ofstream(directory_ + "/lock") << "";
  EXPECT_TRUE(open());
}

}  // namespace
}  // namespace walrus::server
