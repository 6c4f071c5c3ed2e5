// walrus-cli topic list|describe|create|alter|trim|delete|recover: the topics of the cluster. Main thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/exit_status.h"
#include "walrus/client/connection.h"

namespace walrus::cli {

struct TopicCommandOptions {
  enum class Action : std::uint8_t { kList, kDescribe, kCreate, kAlter, kTrim, kDelete, kRecover };
  Action action = Action::kList;
  std::string topic{};
  std::vector<std::string> options{};  ///< create, alter: name=value
  std::uint64_t before = 0;            ///< trim: the first record to keep
  bool yes = false;                    ///< delete: do not ask
  bool lose_data = false;              ///< recover: that this is meant
  bool json = false;                   ///< list, describe: as the server sent it
};

ExitStatus run_topic(client::Connection& connection, const TopicCommandOptions& options);

/// The JSON of DESCRIBE as text for people; the JSON itself when it is not what is expected.
std::string topic_description(const std::string& json);

}  // namespace walrus::cli
