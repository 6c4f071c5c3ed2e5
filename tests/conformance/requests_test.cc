// Every request and every error of docs/protocol/text.md, byte for byte, against a real node.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/harness/single_node.h"

namespace walrus::test {
namespace {

using namespace std::string_literals;

struct Row {
  std::string request;
  std::string reply;
};

using Requests = SingleNode;

/// In order, on one connection.
void expect_rows(Connection& connection, const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    EXPECT_EQ(connection.request(row.request), row.reply) << "request: " << ::testing::PrintToString(row.request);
  }
}

TEST_F(Requests, AreAnsweredAsTheDocumentSays) {
  Connection connection = node_.connect();
  expect_rows(connection, {
                              {"REGISTER logs", "OK"},
                              {"REGISTER logs", "OK"},
                              {"GET logs", "EMPTY"},
                              {"PUT logs first message", "OK"},
                              {"PUT logs second message", "OK"},
                              {"GET logs", "OK first message"},
                              {"GET logs", "OK second message"},
                              {"GET logs", "EMPTY"},
                              {"GET logs", "EMPTY"},
                              {"PUT logs third", "OK"},
                              {"GET logs", "OK third"},
                              {"REGISTER logs", "OK"},
                              {"GET logs", "EMPTY"},
                          });
}

TEST_F(Requests, WithMistakesGetTheExactErrorAndDoNoHarm) {
  Connection connection = node_.connect();
  expect_rows(connection, {
                              {"REGISTER", "ERR REGISTER requires a topic"},
                              {"REGISTER ", "ERR REGISTER requires a topic"},
                              {"REGISTER  x", "ERR REGISTER requires a topic"},
                              {"PUT", "ERR PUT requires a topic"},
                              {"PUT ", "ERR PUT requires a topic"},
                              {"PUT  x", "ERR PUT requires a topic"},
                              {"PUT logs", "ERR PUT requires a payload"},
                              {"PUT logs ", "ERR PUT requires a payload"},
                              {"GET", "ERR GET requires a topic"},
                              {"GET ", "ERR GET requires a topic"},
                              {"STATE", "ERR STATE requires a topic"},
                              {"STATE ", "ERR STATE requires a topic"},
                              {"GET logs", "ERR topic not found"},
                              {"PUT logs x", "ERR topic not found"},
                              {"STATE logs", "ERR topic not found"},
                              {"HELO", "ERR unknown command"},
                              {"put logs x", "ERR unknown command"},
                              {"Get logs", "ERR unknown command"},
                              {" GET logs", "ERR unknown command"},
                              {"GETlogs", "ERR unknown command"},
                              {"METRICS logs", "ERR unknown command"},
                              {"\n", "ERR unknown command"},
                              {"\0"s, "ERR unknown command"},
                              {"\xff\xfe", "ERR unknown command"},
                              {"REGISTER logs", "OK"},
                              {"GET logs", "EMPTY"},
                          });
}

TEST_F(Requests, ThatAppendAreToldTheOffset) {
  Connection connection = node_.connect();
  expect_rows(connection, {
                              {"APPEND logs x", "ERR topic not found"},
                              {"REGISTER logs segment_entries=3", "OK"},
                              {"PUT logs first", "OK"},
                              {"APPEND logs  second ", "OK 1"},
                              {"EXPECT logs 1 late", "ERR unexpected end of the topic: the topic ends at 2"},
                              {"EXPECT logs 2 third", "OK 2"},
                              {"APPEND logs in the next segment", "OK 3"},
                              {"EXPECT logs 4 fifth", "OK 4"},
                              {"GET logs", "OK first"},
                              {"GET logs", "OK  second "},
                              {"GET logs", "OK third"},
                              {"GET logs", "OK in the next segment"},
                              {"GET logs", "OK fifth"},
                              {"GET logs", "EMPTY"},
                              {"APPEND", "ERR incomplete request: APPEND requires a topic"},
                              {"APPEND logs", "ERR incomplete request: APPEND requires a payload"},
                              {"EXPECT logs 3", "ERR incomplete request: EXPECT requires a payload"},
                              {"EXPECT logs end x", "ERR invalid argument: an offset is a number from 0"},
                          });
}

TEST_F(Requests, ThatCarryManyRecordsStoreAllOrNone) {
  // The example of the document, byte for byte: the value "hi", and the value "v" under the key "k".
  const std::string two = "\3\0\0\0\0hi"s + "\7\0\0\0\2\1\0\0\0kv"s;
  Connection connection = node_.connect();
  expect_rows(connection,
              {
                  {"REGISTER logs", "OK"},
                  {"MPUT logs 2\n" + two, "OK 0"},
                  {"MPUT logs 2 expect=2\n" + two, "OK 2"},
                  {"MPUT logs 2 expect=2\n" + two, "ERR unexpected end of the topic: the topic ends at 4"},
                  {"MPUT logs 3\n" + two, "ERR invalid argument: 3 records were announced, 2 are there"},
                  {"MPUT logs 1\n" + two, "ERR invalid argument: bytes behind the last of 1 records"},
                  {"MPUT logs 2 color=red\n" + two, "ERR invalid argument: option 'color' is not known here"},
                  {"MPUT logs 2", "ERR incomplete request: MPUT requires a newline and records behind it"},
                  {"GET logs", "OK hi"},
                  {"GET logs", "OK v"},
                  {"GET logs", "OK hi"},
                  {"GET logs", "OK v"},
                  {"GET logs", "EMPTY"},
              });
}

TEST_F(Requests, OfAProducerAreStoredOnce) {
  const std::string two = "\3\0\0\0\0hi"s + "\3\0\0\0\0ho"s;
  Connection connection = node_.connect();
  expect_rows(connection, {{"REGISTER logs segment_entries=4", "OK"}, {"PUT logs x", "OK"}});
  const std::string stamp = connection.request("PRODUCER billing").substr(3);
  const auto mput = [&](const std::string& sequence) {
    return "MPUT logs 2 producer=" + stamp + ":" + sequence + "\n" + two;
  };
  expect_rows(connection, {
                              {mput("0"), "OK 1"},
                              {mput("0"), "OK 1"},
                              {mput("2"), "OK 3"},  // in the next segment
                              {mput("0"), "OK 1"},
                              {mput("2"), "OK 3"},
                              {mput("5"), "ERR out of sequence: 4 is the next"},
                              {mput("1"), "ERR duplicate: stored already, its offset is not known any more"},
                          });
  const std::string newer = connection.request("PRODUCER billing");
  EXPECT_NE(newer, "OK " + stamp);
  expect_rows(connection,
              {
                  {mput("4"), "ERR producer fenced: a newer instance has its name"},
                  {"MPUT logs 2 producer=999:0:0\n" + two, "ERR unknown producer: start again with PRODUCER"},
                  {"PRODUCER", "ERR incomplete request: PRODUCER requires a name"},
              });
}

TEST_F(Requests, WithALowerTokenAreRefused) {
  const std::string one = "\3\0\0\0\0hi"s;
  const std::string refusal = "ERR fenced: the topic asks for a higher token: at least 8";
  Connection connection = node_.connect();
  expect_rows(connection, {
                              {"FENCE logs 8", "ERR topic not found"},
                              {"REGISTER logs", "OK"},
                              {"MPUT logs 1 token=7\n" + one, "OK 0"},
                              {"FENCE logs 8", "OK 1"},
                              {"MPUT logs 1 token=7\n" + one, refusal},
                              {"FENCE logs 7", refusal},
                              {"MPUT logs 1 token=8\n" + one, "OK 1"},
                              {"PUT logs x", "OK"},
                              {"FENCE logs", "ERR invalid argument: FENCE requires a token, a number from 0"},
                          });
}

TEST_F(Requests, MayCarryMegabytesAfterAHello) {
  const std::string value(16 * 1024 * 1024 - 5, 'v');
  const std::string record = "\xfc\xff\xff\0\0"s + value;  // 2^24 bytes in all
  Connection connection = node_.connect();
  EXPECT_EQ(connection.request("REGISTER logs"), "OK");
  EXPECT_EQ(connection.request("APPEND logs " + value.substr(0, 100'000)), "ERR invalid frame length");
  const std::string hello = connection.request("HELLO max_frame=67108864");
  EXPECT_TRUE(hello.starts_with("OK {")) << hello;
  EXPECT_NE(hello.find("\"max_frame_bytes\":67108864"), std::string::npos) << hello;
  EXPECT_EQ(connection.request("MPUT logs 1\n" + record), "OK 0");
  EXPECT_EQ(connection.request("MPUT logs 2\n" + record + record),
            "ERR record too large: the records of a write have at most 25165824 bytes");
  EXPECT_EQ(connection.request("APPEND logs " + value + "123456"),
            "ERR record too large: a record has at most 16777216 bytes");
  EXPECT_EQ(connection.request("APPEND logs " + value), "OK 1");
  EXPECT_EQ(node_.connect().request("GET logs"), "OK " + value);
}

TEST_F(Requests, IgnoreBlanksBehindATopic) {
  Connection connection = node_.connect();
  expect_rows(connection, {
                              {"REGISTER logs  ", "OK"},
                              {"PUT logs x", "OK"},
                              {"GET logs ", "OK x"},
                              {"GET logs", "EMPTY"},
                          });
  EXPECT_EQ(connection.request("METRICS  ").substr(0, 4), "OK {");
  EXPECT_EQ(connection.request("STATE logs ").substr(0, 4), "OK {");
}

TEST_F(Requests, TakeEveryTopicNameOfUpTo249BytesWithoutBlanksAndControlCharacters) {
  Connection connection = node_.connect();
  const std::string longest(249, 'n');
  const std::string longest_of_wide_characters = std::string(1, 'n') + [] {
    std::string text;
    for (int i = 0; i < 62; ++i) text += "🦭";
    return text;
  }();
  ASSERT_EQ(longest_of_wide_characters.size(), 249U);
  for (const std::string& name : {"x"s, "a.b-c_d/e"s, "\"quoted\""s, "../../etc"s, "."s, ".."s, "日本語"s, "Grüße"s,
                                  "🦭"s, "{}%s$HOME"s, longest, longest_of_wide_characters}) {
    expect_rows(connection, {{"REGISTER " + name, "OK"},
                             {"PUT " + name + " payload of " + name, "OK"},
                             {"GET " + name, "OK payload of " + name},
                             {"GET " + name, "EMPTY"}});
    EXPECT_EQ(node_.state(name).at("topic"), name);
  }
}

TEST_F(Requests, RefuseOtherTopicNames) {
  Connection connection = node_.connect();
  const std::vector<std::string> names = {
      std::string(250, 'n'),
      "two words",
      "tab\tinside",
      "line\nbreak",
      "zero\0inside"s,
      "del\x7f",
      "\x1b[2J",
      "no-break\u00a0space",
      "ideographic\u3000space",
      "line\u2028separator",
      "next\u0085line",
      "\xff",
      "cut\xe2\x82",
      "overlong\xc0\xaf",
      "surrogate\xed\xa0\x80",
      "too-high\xf4\x90\x80\x80",
  };
  for (const std::string& name : names) {
    for (const char* verb : {"REGISTER ", "GET ", "STATE "}) {
      EXPECT_EQ(connection.request(verb + name), "ERR invalid topic name") << ::testing::PrintToString(verb + name);
    }
    // PUT ends the topic at the first blank; all other names are as wrong there.
    if (name.find(' ') == std::string::npos) {
      EXPECT_EQ(connection.request("PUT " + name + " x"), "ERR invalid topic name") << ::testing::PrintToString(name);
    }
  }
}

TEST_F(Requests, KeepEveryByteOfAPayload) {
  Connection connection = node_.connect();
  ASSERT_EQ(connection.request("REGISTER bytes"), "OK");
  std::string all_bytes;
  for (int i = 0; i < 256; ++i) all_bytes.push_back(static_cast<char>(i));
  const std::vector<std::string> payloads = {
      " ",
      "  both ends  ",
      "\n",
      "\r\n",
      "line\nbreak\n",
      "\0"s,
      "zero\0inside\0"s,
      "\"quotes\"",
      "'",
      "🦭 ",
      "broken \xc3 utf\xff 8",
      "EMPTY",
      "OK nested",
      "ERR nested",
      all_bytes,
  };
  for (const std::string& payload : payloads) ASSERT_EQ(connection.request("PUT bytes " + payload), "OK");
  for (const std::string& payload : payloads) EXPECT_EQ(connection.request("GET bytes"), "OK " + payload);
  EXPECT_EQ(connection.request("GET bytes"), "EMPTY");
}

TEST_F(Requests, KeepPayloadsOfEverySizeUpToTheFrame) {
  Connection connection = node_.connect();
  ASSERT_EQ(connection.request("REGISTER sizes"), "OK");
  const std::size_t largest = 65'536 - std::string("PUT sizes ").size();
  std::vector<std::string> payloads;
  for (const std::size_t size :
       {std::size_t{1}, std::size_t{2}, std::size_t{127}, std::size_t{128}, std::size_t{4'095}, std::size_t{4'096},
        std::size_t{4'097}, std::size_t{16'383}, std::size_t{16'384}, largest - 1, largest}) {
    std::string payload;
    for (std::size_t i = 0; i < size; ++i) payload.push_back(static_cast<char>((i * 31 + size) & 0xff));
    payloads.push_back(std::move(payload));
  }
  for (const std::string& payload : payloads) ASSERT_EQ(connection.request("PUT sizes " + payload), "OK");
  for (const std::string& payload : payloads) EXPECT_EQ(connection.request("GET sizes"), "OK " + payload);
}

TEST_F(Requests, ShareOneCursorPerTopicAmongAllConnections) {
  Connection first = node_.connect();
  Connection second = node_.connect();
  expect_rows(first, {{"REGISTER a", "OK"}, {"REGISTER b", "OK"}});
  expect_rows(first, {{"PUT a 1", "OK"}, {"PUT a 2", "OK"}, {"PUT a 3", "OK"}, {"PUT b 1", "OK"}});
  EXPECT_EQ(first.request("GET a"), "OK 1");
  EXPECT_EQ(second.request("GET a"), "OK 2");
  EXPECT_EQ(second.request("GET b"), "OK 1");
  EXPECT_EQ(first.request("GET a"), "OK 3");
  EXPECT_EQ(first.request("GET b"), "EMPTY");
  EXPECT_EQ(second.request("GET a"), "EMPTY");
}

TEST_F(Requests, ChangeTrimAndDeleteTopics) {
  Connection connection = node_.connect();
  expect_rows(connection,
              {
                  {"REGISTER short segment_entries=2 retention_ms=0", "OK"},
                  {"PUT short a", "OK"},
                  {"PUT short b", "OK"},
                  {"PUT short c", "OK"},
                  {"PUT short d", "OK"},
                  {"PUT short e", "OK"},
                  {"TRIM short 0", "OK 0"},
                  {"TRIM short 3", "OK 2"},
                  {"GET short", "OK c"},
                  {"ALTER short segment_entries=100 retention_records=1000", "OK"},
                  {"ALTER short", "ERR incomplete request: ALTER requires name=value, what is to change"},
                  {"ALTER absent replicas=1", "ERR topic not found"},
                  {"TRIM short", "ERR incomplete request: TRIM requires an offset, that of the first record to keep"},
                  {"DELETE short", "OK"},
                  {"DELETE short", "ERR topic not found"},
                  {"DESCRIBE short", "ERR topic not found"},
                  {"GET short", "ERR topic not found"},
                  {"PUT short f", "ERR topic not found"},
                  {"REGISTER short", "OK"},
                  {"GET short", "EMPTY"},
                  {"APPEND short g", "OK 0"},
                  {"TOPICS", R"(OK {"topics":[{"topic":"short","segments":1,"replicas":3,"leader_node":1,)"
                             R"("start_offset":0,"sealed_end_offset":0,"sealed_bytes":0}],"more":false,"total":1})"},
              });
}

}  // namespace
}  // namespace walrus::test
