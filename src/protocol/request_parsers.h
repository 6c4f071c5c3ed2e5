// Inside of parse_request(): what stands behind each verb is read by one of these. `rest` begins behind the one blank
// after the verb and is empty when there was none. Pure; any thread.
#pragma once

#include <string_view>

#include "protocol/text.h"

namespace walrus::protocol {

/// The word of a verb, for texts.
std::string_view verb_word(Verb verb);

/// "<VERB> requires a topic", with the codes of the documented verbs.
std::unexpected<Error> fail_without_topic(Verb verb);

/// "<topic>", and blanks behind it.
Result<Request> parse_topic(Verb verb, std::string_view rest);

/// "<topic> [name=value …]".
Result<Request> parse_register(Verb verb, std::string_view rest);
/// The same with at least one option.
Result<Request> parse_alter(Verb verb, std::string_view rest);
/// "<topic> <offset>".
Result<Request> parse_trim(Verb verb, std::string_view rest);
/// "<topic> lose-data".
Result<Request> parse_recover(Verb verb, std::string_view rest);
/// "[after=<topic>] [max=<count>]".
Result<Request> parse_topics(Verb verb, std::string_view rest);

/// "<topic> <payload>" of PUT and APPEND: the payload is every byte behind the one blank.
Result<Request> parse_put(Verb verb, std::string_view rest);
/// "<topic> <offset> <payload>".
Result<Request> parse_expect(Verb verb, std::string_view rest);
/// "<topic> <count> [name=value …]", a newline, and as many records.
Result<Request> parse_mput(Verb verb, std::string_view rest);
/// "<topic> <token>".
Result<Request> parse_fence(Verb verb, std::string_view rest);
/// "<name>".
Result<Request> parse_producer(Verb verb, std::string_view rest);

}  // namespace walrus::protocol
