// Runs every file of the given corpus folders (or the given files) once through a fuzz target, without libFuzzer, so
// that an ordinary build replays what fuzzing has found. Ends with 1 when there was nothing to replay, so that a lost
// corpus cannot pass; a crash of the target is the other failure.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

namespace fs = std::filesystem;

std::set<fs::path> files_below(const fs::path& root) {
  std::set<fs::path> files;
  if (fs::is_regular_file(root)) files.insert(root);
  if (!fs::is_directory(root)) return files;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    if (entry.is_regular_file()) files.insert(entry.path());
  }
  return files;
}

bool replay(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) {
    std::fprintf(stderr, "cannot read %s\n", file.c_str());
    return false;
  }
  const std::string input((std::istreambuf_iterator<char>(stream)), {});
  std::printf("%s (%zu bytes)\n", file.filename().c_str(), input.size());
  std::fflush(stdout);  // a crash must leave the name of its input behind
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t replayed = 0;
  for (int i = 1; i < argc; ++i) {
    const auto files = files_below(argv[i]);
    if (files.empty()) {
      std::fprintf(stderr, "nothing to replay in %s\n", argv[i]);
      return 1;
    }
    for (const auto& file : files) {
      if (!replay(file)) return 1;
      ++replayed;
    }
  }
  std::printf("replayed %zu inputs\n", replayed);
  return replayed > 0 ? 0 : 1;
}
