# What most files include, read from a precompiled header: a third of the time of a build. One for the rooms, one for
# test programs, whose own sources are not optimized either (what they test is). A file must name what it uses all the
# same: ./dev lint reads it without (WALRUS_PRECOMPILED=OFF).
option(WALRUS_PRECOMPILED "Use precompiled headers" ON)

set(common <algorithm> <array> <atomic> <chrono> <cstdint> <deque> <expected> <functional> <map> <memory> <mutex>
  <optional> <ranges> <set> <span> <string> <string_view> <thread> <unordered_map> <utility> <vector> <fmt/format.h>)
file(WRITE ${PROJECT_BINARY_DIR}/precompiled/empty.cc "")

# walrus_precompile(<name> HEADERS header... LIBS lib...)
function(walrus_precompile name)
  cmake_parse_arguments(ARG "" "" "HEADERS;LIBS" ${ARGN})
  add_library(${name} OBJECT ${PROJECT_BINARY_DIR}/precompiled/empty.cc)
  target_link_libraries(${name} PRIVATE walrus_options fmt::fmt ${ARG_LIBS})
  target_compile_options(${name} PRIVATE SHELL:-Xclang\ -fno-pch-timestamp)  # or ccache takes each for another one
  target_precompile_headers(${name} PRIVATE ${ARG_HEADERS})
endfunction()

if(WALRUS_PRECOMPILED)
  walrus_precompile(walrus_precompiled HEADERS ${common})
  walrus_precompile(walrus_precompiled_tests HEADERS ${common} <filesystem> <fstream> <gtest/gtest.h> <gmock/gmock.h>
    LIBS GTest::gtest GTest::gmock)
  target_compile_options(walrus_precompiled_tests PRIVATE -O0)
endif()

# walrus_use_precompiled(<target> <one of the two above>)
function(walrus_use_precompiled target from)
  if(WALRUS_PRECOMPILED)
    target_precompile_headers(${target} REUSE_FROM ${from})
    target_link_libraries(${target} PRIVATE fmt::fmt)
  endif()
endfunction()

# A test program, or what one is made of. Its sources, each with fixtures and helpers of its own, are never joined
# (CMAKE_UNITY_BUILD).
function(walrus_use_precompiled_tests target)
  set_target_properties(${target} PROPERTIES UNITY_BUILD OFF)
  target_compile_options(${target} PRIVATE -O0)
  walrus_use_precompiled(${target} walrus_precompiled_tests)
endfunction()
