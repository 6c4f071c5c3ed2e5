// The checker finds what it is there to find: each case plants one thing that is wrong.
#include "tests/chaos/checker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace walrus::chaos {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Clock::time_point at(int ms) { return Clock::time_point() + 1h + std::chrono::milliseconds(ms); }

/// One producer with records 0 to 3, sent at 0, 10, 20, 30 ms, each answered 5 ms later; one consumer that got them
/// all.
class Checker : public ::testing::Test {
 protected:
  Checker() {
    for (std::uint32_t i = 0; i < 4; ++i) {
      const int sent = static_cast<int>(i) * 10;
      producer_.puts.push_back({.started = at(sent), .ended = at(sent + 5), .outcome = Outcome::kDone});
      log_.push_back({7, i});
      consumer_.gets.push_back({.started = at(100 + sent),
                                .ended = at(101 + sent),
                                .outcome = Outcome::kDone,
                                .record = {7, i},
                                .known_bytes = true});
    }
  }

  std::vector<std::string> verdict() {
    TopicVerdict verdict;
    check_history(log_, {.producers = {&producer_}, .consumers = {&consumer_}, .drained = true}, verdict);
    return verdict.violations;
  }
  std::vector<std::string> verdict_of_copies(const SegmentLayout& segment, const std::vector<ReplicaCopy>& copies) {
    TopicVerdict verdict;
    check_copies(segment, copies, {.producers = {&producer_}, .consumers = {}, .drained = false}, verdict);
    return verdict.violations;
  }
  ReplicaCopy copy(std::uint64_t node, std::size_t records) {
    return {.node = node,
            .base = 0,
            .records = {log_.begin(), log_.begin() + static_cast<std::ptrdiff_t>(records)},
            .trouble = {}};
  }

  ProducerLog producer_{.producer = 7, .topic = "t", .puts = {}};
  ConsumerLog consumer_{.topic = "t", .gets = {}};
  std::vector<RecordId> log_;
  const SegmentLayout sealed_{
      .id = 0, .base = 0, .entries = 4, .epoch = 1, .sealed = true, .leader = 1, .replicas = {1, 2, 3}};
};

TEST_F(Checker, IsContentWithWhatIsRight) {
  EXPECT_THAT(verdict(), IsEmpty());
  EXPECT_THAT(verdict_of_copies(sealed_, {copy(1, 4), copy(2, 4), copy(3, 4)}), IsEmpty());
}

TEST_F(Checker, FindsALostRecord) {
  log_.pop_back();
  consumer_.gets.pop_back();
  EXPECT_THAT(verdict(), ElementsAre(HasSubstr("I1: 7:3 was acknowledged and is lost")));
}

TEST_F(Checker, LetsARecordOfUnknownOutcomeBeThereOrNot) {
  producer_.puts[3].outcome = Outcome::kUnknown;
  EXPECT_THAT(verdict(), IsEmpty());
  log_.pop_back();
  consumer_.gets.pop_back();
  EXPECT_THAT(verdict(), IsEmpty());
}

TEST_F(Checker, FindsARefusedRecordThatIsThere) {
  producer_.puts[1].outcome = Outcome::kRefused;
  EXPECT_THAT(verdict(), ElementsAre(HasSubstr("7:1 was refused and is there")));
}

TEST_F(Checker, FindsARecordThatIsThereTwice) {
  log_.push_back({7, 3});
  consumer_.gets.push_back(consumer_.gets.back());
  EXPECT_THAT(verdict(), ::testing::Contains(HasSubstr("I10: 7:3 is there twice")));
}

TEST_F(Checker, FindsARecordThatNobodyHasSent) {
  log_.push_back({7, 9});
  consumer_.gets.push_back({.started = at(200), .ended = at(201), .outcome = Outcome::kUnknown});
  EXPECT_THAT(verdict(), ElementsAre(HasSubstr("7:9 at offset 4 was never sent")));
}

TEST_F(Checker, FindsARecordInFrontOfOneThatWasAcknowledgedBefore) {
  std::swap(log_[1], log_[2]);
  EXPECT_THAT(verdict(), ElementsAre(HasSubstr("order: 7:2 at offset 1 was sent after 7:1")));
}

TEST_F(Checker, FindsARecordThatTheCursorSkipped) {
  consumer_.gets.erase(consumer_.gets.begin() + 1);
  EXPECT_THAT(verdict(), ElementsAre(HasSubstr("I11: 1 records were never delivered, such as 7:1")));
}

TEST_F(Checker, LetsALostGetTakeARecord) {
  consumer_.gets[1].outcome = Outcome::kUnknown;
  EXPECT_THAT(verdict(), IsEmpty());
}

TEST_F(Checker, FindsBytesThatWereDeliveredAndAreNotThere) {
  consumer_.gets.push_back(consumer_.gets.back());
  consumer_.gets.back().record = {7, 30};
  EXPECT_THAT(verdict(), ElementsAre(HasSubstr("I4: 7:30 was delivered and is not there")));
}

TEST_F(Checker, FindsAnEmptyThatWasNotTrue) {
  consumer_.gets.push_back({.started = at(50), .ended = at(51), .outcome = Outcome::kEmpty});
  EXPECT_THAT(verdict(), ElementsAre(HasSubstr("EMPTY: said 4 times too early")));
}

TEST_F(Checker, FindsTwoCopiesThatDiffer) {
  ReplicaCopy other = copy(2, 4);
  other.records[2] = {7, 3};
  EXPECT_THAT(verdict_of_copies(sealed_, {copy(1, 4), other, copy(3, 4)}),
              ElementsAre(HasSubstr("I4: segment 0 offset 2: 7:2 on node 1, 7:3 on node 2")));
}

TEST_F(Checker, FindsAHolderThatHasNotAll) {
  EXPECT_THAT(verdict_of_copies(sealed_, {copy(1, 4), copy(2, 3), copy(3, 4)}),
              ElementsAre(HasSubstr("I8: node 2 holds segment 0 up to 3; its end is 4")));
}

TEST_F(Checker, FindsAnAcknowledgedRecordOnOneReplicaOfThree) {
  SegmentLayout open = sealed_;
  open.sealed = false;
  EXPECT_THAT(verdict_of_copies(open, {copy(1, 4), copy(2, 3), copy(3, 3)}),
              ElementsAre(HasSubstr("I1: 7:3 at offset 3 was acknowledged and is on no quorum")));
}

TEST(Payload, TellsItsRecordAndNoOther) {
  const std::string payload = payload_of({3, 41});
  EXPECT_EQ(record_of(payload), (RecordId{3, 41}));
  for (std::size_t i = 0; i < payload.size(); ++i) {
    std::string changed = payload;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_NE(record_of(changed), (RecordId{3, 41})) << i;
  }
  EXPECT_FALSE(record_of(payload + "x"));
  EXPECT_FALSE(record_of(""));
}

}  // namespace
}  // namespace walrus::chaos
