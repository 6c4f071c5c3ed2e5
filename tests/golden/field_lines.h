// The fields of protobuf messages as bytes: for each field of each message of a .proto file, in the order of the file,
// a line "Message.field: <hex>" with the message that has only this field set, to its own number, "x", or its last
// enumerator. Golden files of such lines hold the wire format: a line may be added, none may change or go.
#pragma once

#include <fmt/core.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace walrus::test {

using FieldLines = std::vector<std::string>;

inline void set_sample(google::protobuf::Message& message, const google::protobuf::FieldDescriptor& field) {
  using Field = google::protobuf::FieldDescriptor;
  const auto& access = *message.GetReflection();
  const bool many = field.is_repeated();
  const int number = field.number();
  switch (field.cpp_type()) {
    case Field::CPPTYPE_INT32:
      return many ? access.AddInt32(&message, &field, number) : access.SetInt32(&message, &field, number);
    case Field::CPPTYPE_INT64:
      return many ? access.AddInt64(&message, &field, number) : access.SetInt64(&message, &field, number);
    case Field::CPPTYPE_UINT32:
      return many ? access.AddUInt32(&message, &field, static_cast<std::uint32_t>(number))
                  : access.SetUInt32(&message, &field, static_cast<std::uint32_t>(number));
    case Field::CPPTYPE_UINT64:
      return many ? access.AddUInt64(&message, &field, static_cast<std::uint64_t>(number))
                  : access.SetUInt64(&message, &field, static_cast<std::uint64_t>(number));
    case Field::CPPTYPE_BOOL:
      return many ? access.AddBool(&message, &field, true) : access.SetBool(&message, &field, true);
    case Field::CPPTYPE_STRING:
      return many ? access.AddString(&message, &field, "x") : access.SetString(&message, &field, "x");
    case Field::CPPTYPE_ENUM: {
      const auto* last = field.enum_type()->value(field.enum_type()->value_count() - 1);
      return many ? access.AddEnum(&message, &field, last) : access.SetEnum(&message, &field, last);
    }
    case Field::CPPTYPE_MESSAGE:
      (void)(many ? access.AddMessage(&message, &field) : access.MutableMessage(&message, &field));
      return;
    default:
      throw std::runtime_error("a type that no message has had so far: " + field.full_name());
  }
}

inline void append_field_lines(const google::protobuf::Descriptor& type, FieldLines& lines) {
  for (int i = 0; i < type.field_count(); ++i) {
    const auto* prototype = google::protobuf::MessageFactory::generated_factory()->GetPrototype(&type);
    const std::unique_ptr<google::protobuf::Message> message(prototype->New());
    set_sample(*message, *type.field(i));
    std::string line = type.field(i)->full_name() + ":";
    for (const unsigned char byte : message->SerializeAsString()) line += fmt::format(" {:02x}", byte);
    lines.push_back(std::move(line));
  }
  for (int i = 0; i < type.nested_type_count(); ++i) append_field_lines(*type.nested_type(i), lines);
}

inline FieldLines field_lines(const google::protobuf::FileDescriptor& file) {
  FieldLines lines;
  for (int i = 0; i < file.message_type_count(); ++i) append_field_lines(*file.message_type(i), lines);
  return lines;
}

/// Those of `lines` that are not among `others`.
inline FieldLines lines_without(FieldLines lines, const FieldLines& others) {
  std::erase_if(lines, [&](const std::string& line) { return std::ranges::find(others, line) != others.end(); });
  return lines;
}

inline FieldLines golden_field_lines(const std::string& name) {
  std::ifstream file(std::string(WALRUS_GOLDEN_DIR) + "/" + name + ".fields");
  if (!file) throw std::runtime_error("no golden file " + name);
  FieldLines lines;
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with('#')) lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace walrus::test
