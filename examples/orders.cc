// Orders come in from several threads and are billed exactly once, whatever crashes in between.
//
//   walrus-example-orders DIRECTORY
//
// Run it again on the same directory: it goes on where it was.
#include <walrus/store.h>

#include <cstdio>
#include <string>
#include <thread>
#include <vector>

namespace {

namespace ws = walrus::store;

int complain(const char* what, const ws::Error& error) {
  std::fprintf(stderr, "%s: %s\n", what, error.message().c_str());
  return 1;
}

/// Each order is a batch: its head and its lines are there together or not at all.
ws::Status place_order(ws::Topic& orders, const std::string& customer, int lines) {
  std::vector<std::string> texts = {"order of " + customer};
  for (int line = 1; line <= lines; ++line) texts.push_back(customer + ": line " + std::to_string(line));
  std::vector<ws::Record> batch;
  batch.reserve(texts.size());
  for (const std::string& text : texts) batch.push_back({.value = text, .key = customer});
  const auto offset = orders.append_batch(batch);
  if (!offset) return std::unexpected(offset.error());
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
    return 2;
  }
  auto store = ws::Store::open({.directory = argv[1]});
  if (!store) return complain("open", store.error());
  auto orders = store->topic("orders");
  if (!orders) return complain("topic", orders.error());

  std::vector<std::thread> shops;
  for (const char* shop : {"north", "south", "east", "west"}) {
    shops.emplace_back([&orders, shop] {
      for (int i = 0; i < 10; ++i) {
        if (auto placed = place_order(*orders, std::string(shop) + "-" + std::to_string(i), 2); !placed) {
          complain("append", placed.error());
        }
      }
    });
  }
  for (std::thread& shop : shops) shop.join();

  // The position is on the disk before a record is handed out: what was billed is not billed again after a crash.
  auto billing = orders->cursor("billing");
  if (!billing) return complain("cursor", billing.error());
  int billed = 0;
  while (true) {
    auto next = billing->next();
    if (!next) return complain("next", next.error());
    if (!*next) break;
    ++billed;
  }

  if (auto trimmed = orders->trim(billing->position()); !trimmed) return complain("trim", trimmed.error());
  const auto stats = orders->stats();
  if (!stats) return complain("stats", stats.error());
  std::printf("billed %d records; %llu were placed so far, %llu are kept\n", billed,
              static_cast<unsigned long long>(stats->end), static_cast<unsigned long long>(stats->records));
  if (auto closed = store->close(); !closed) return complain("close", closed.error());
  return 0;
}
