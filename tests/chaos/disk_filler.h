// Disks that can be made full: a small file system of its own for a node's directory, in a loop-mounted image, and a
// ballast that takes what room is left. Needs root; the mounts are in a namespace of this process and end with it.
// Blocking; call enter_mount_namespace() before any thread is started.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace walrus::chaos {

/// False when this process may not mount.
bool enter_mount_namespace();

/// Makes an image of this many bytes beside `directory` and mounts it there; what went wrong, or nothing.
std::string mount_small_disk(const std::filesystem::path& directory, std::uint64_t bytes);
void unmount(const std::filesystem::path& directory);

/// Writes the file until nothing more fits.
void fill_up(const std::filesystem::path& ballast);

}  // namespace walrus::chaos
