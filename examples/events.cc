// Events are written exactly once, whatever becomes of connections and nodes meanwhile, and read back from the start.
//
//   walrus-example-events HOST:PORT[,HOST:PORT…] TOPIC COUNT
#include <walrus/client/client.h>
#include <walrus/client/producer.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

using namespace walrus::client;

int complain(const char* what, const Error& error) {
  std::fprintf(stderr, "%s: %s\n", what, error.text.c_str());
  return 1;
}

/// A coroutine: each co_await gives the thread back until the answer is there.
Pending<Result<std::string>> make_topic(Client& client, std::string topic) {
  if (auto made = co_await client.register_topic(topic); !made) co_return std::unexpected(made.error());
  co_return co_await client.state(topic);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: walrus-example-events HOST:PORT[,HOST:PORT...] TOPIC COUNT\n");
    return 2;
  }
  const auto endpoints = parse_endpoints(argv[1]);
  if (!endpoints) return complain("addresses", endpoints.error());
  const std::string topic = argv[2];
  const long count = std::strtol(argv[3], nullptr, 10);

  Client client({.endpoints = *endpoints});
  const auto state = make_topic(client, topic).get();
  if (!state) return complain("the topic", state.error());
  std::printf("before: %s\n", state->c_str());

  Producer producer({.endpoints = *endpoints});
  for (long event = 1; event <= count; ++event) {
    producer.send(topic, {.value = "event " + std::to_string(event), .key = "example"});
  }
  if (const auto written = producer.flush(); !written) return complain("writing", written.error());

  long read = 0;
  for (std::string place = "earliest";;) {
    const auto records = client.fetch(topic, place).get();
    if (!records) return complain("reading", records.error());
    if (records->empty()) break;
    for (const Record& record : *records) read += record.key == "example" ? 1 : 0;
    place = std::to_string(records->next_offset());
  }
  std::printf("after:  %ld events\n", read);
  return 0;
}
