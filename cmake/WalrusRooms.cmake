# A room is a static library walrus_<room> made of every .cc below src/<room> (files of tests live in tests/).
# Links are PRIVATE where the headers allow it: a room cannot use what it does not name.

add_library(walrus_options INTERFACE)
target_include_directories(walrus_options INTERFACE ${PROJECT_SOURCE_DIR}/src)
target_compile_features(walrus_options INTERFACE cxx_std_23)
target_compile_definitions(walrus_options INTERFACE WALRUS_VERSION="${PROJECT_VERSION}"
  BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_SEPARATE_COMPILATION)
target_compile_options(walrus_options INTERFACE -Wall -Wextra -Wnon-virtual-dtor -Woverloaded-virtual
  -Wimplicit-fallthrough -Wzero-as-null-pointer-constant -fno-omit-frame-pointer $<$<BOOL:${WALRUS_WERROR}>:-Werror>)
if(NOT CMAKE_UNITY_BUILD)  # a name of one file in another one means nothing there
  target_compile_options(walrus_options INTERFACE -Wshadow)
endif()
if(WALRUS_SANITIZE)
  target_compile_options(walrus_options INTERFACE -fsanitize=${WALRUS_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(walrus_options INTERFACE -fsanitize=${WALRUS_SANITIZE})
endif()
if(WALRUS_FUZZ)
  target_compile_options(walrus_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

include(WalrusPrecompiled)

# walrus_room(<name> [PUBLIC lib...] [PRIVATE lib...])
function(walrus_room name)
  cmake_parse_arguments(ARG "" "" "PUBLIC;PRIVATE" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  list(FILTER sources EXCLUDE REGEX "/main\\.cc$")
  add_library(walrus_${name} STATIC ${sources})
  target_link_libraries(walrus_${name} PUBLIC walrus_options ${ARG_PUBLIC} PRIVATE ${ARG_PRIVATE})
  walrus_use_precompiled(walrus_${name} walrus_precompiled)
endfunction()

# Protobuf messages of a room, as walrus_<name>_proto; generated headers are included as "<file>.pb.h".
function(walrus_proto name)
  add_library(walrus_${name}_proto STATIC)
  set_target_properties(walrus_${name}_proto PROPERTIES UNITY_BUILD OFF)
  protobuf_generate(TARGET walrus_${name}_proto LANGUAGE cpp PROTOS ${ARGN}
    IMPORT_DIRS ${CMAKE_CURRENT_SOURCE_DIR} PROTOC_OUT_DIR ${CMAKE_CURRENT_BINARY_DIR})
  target_include_directories(walrus_${name}_proto SYSTEM PUBLIC ${CMAKE_CURRENT_BINARY_DIR})
  target_compile_features(walrus_${name}_proto PUBLIC cxx_std_23)
  target_link_libraries(walrus_${name}_proto PUBLIC protobuf::libprotobuf)
  if(WALRUS_SANITIZE)
    target_compile_options(walrus_${name}_proto PRIVATE -fsanitize=${WALRUS_SANITIZE})
  endif()
endfunction()

# gtest_discover_tests() drops all but the first element of a list in PROPERTIES, so the labels of a test are one word
# such as "unit,threads"; ctest's --label-regex finds a label in it all the same.
function(walrus_joined_labels out)
  string(JOIN "," joined ${ARGN})
  set(${out} ${joined} PARENT_SCOPE)
endfunction()

# Target tests_<label> builds all test programs with that label.
function(walrus_build_with_label name)
  foreach(label ${ARGN})
    if(NOT TARGET tests_${label})
      add_custom_target(tests_${label})
    endif()
    add_dependencies(tests_${label} ${name})
  endforeach()
endfunction()

# walrus_test(<name> SOURCES file... LIBS lib... [TIMEOUT seconds] [LABELS label...]): a GoogleTest program, one ctest
# entry per test case. Labels that mean something to ./dev ci: threads (also run under TSan), sim, slow (release only).
function(walrus_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;LIBS;LABELS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE walrus_options ${ARG_LIBS} GTest::gtest GTest::gmock GTest::gtest_main)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  walrus_use_precompiled_tests(${name})
  walrus_build_with_label(${name} ${ARG_LABELS})
  walrus_joined_labels(labels unit ${ARG_LABELS})
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS ${labels})
endfunction()
include(GoogleTest)

# walrus_process_test(<name> SOURCES file... [LIBS lib...] [TIMEOUT seconds] [LABELS label...]): a GoogleTest program that drives real
# walrusd processes (tests/harness). Each case runs twice, with --shards 1 and 2. Nothing while walrusd is not built.
function(walrus_process_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;LIBS;LABELS" ${ARGN})
  if(NOT TARGET walrusd OR NOT TARGET walrus-cli)
    return()
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 180)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE walrus_harness ${ARG_LIBS} GTest::gtest GTest::gmock GTest::gtest_main)
  walrus_use_precompiled_tests(${name})
  walrus_build_with_label(${name} ${ARG_LABELS})
  walrus_joined_labels(labels process ${ARG_LABELS})
  foreach(shards 1 2)
    gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST TEST_PREFIX "shards${shards}." TEST_LIST ${name}_${shards}
      PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS ${labels} ENVIRONMENT WALRUS_TEST_SHARDS=${shards})
  endforeach()
endfunction()
